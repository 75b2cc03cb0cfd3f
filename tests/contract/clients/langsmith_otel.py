"""LangSmith's client by OpenTelemetry alone: traced functions, a retriever, its OpenAI wrapper."""

import contextlib
import os

os.environ.update(
    LANGSMITH_TRACING="true", LANGSMITH_OTEL_ENABLED="true", LANGSMITH_OTEL_ONLY="true"
)

import openai
from exporting import exporting
from langsmith import Client, traceable
from langsmith.wrappers import wrap_openai
from weather import FAILING, MESSAGES, MODEL, QUESTION, RESULT, TOOL, after_the_tool


@traceable(run_type="tool")
def get_weather(city):
    return RESULT


@traceable(run_type="retriever")
def search(question):
    return [{"page_content": "Paris lies on the Seine.", "metadata": {"source": "paris.md"}}]


@traceable(name="answer", tags=["beta", "paris"])
def answer(question):
    client = wrap_openai(openai.OpenAI(max_retries=0))
    search(question)
    first = client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=[TOOL])
    get_weather("Paris")
    last = client.chat.completions.create(model=MODEL, messages=after_the_tool(first))
    list(
        client.chat.completions.create(
            model=MODEL,
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    with contextlib.suppress(openai.RateLimitError):
        client.chat.completions.create(model=FAILING, messages=MESSAGES)
    return last.choices[0].message.content


with exporting():
    langsmith = Client(tracing_mode="otel", api_key="lsv2-no-key", api_url="http://127.0.0.1:9")
    metadata = {"thread_id": "s-langsmith", "user_id": "ada", "tier": "pro"}
    answer(QUESTION, langsmith_extra={"client": langsmith, "metadata": metadata})
    langsmith.flush()

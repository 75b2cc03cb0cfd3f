"""The Langfuse SDK: decorator, generations, its OpenAI wrapper; Basic auth on its own path.

It believes to talk to Langfuse: ASSAY_URL is its base address, and a key of Assay its secret.
"""

import contextlib
import datetime
import os

import openai
from langfuse import Langfuse, observe, propagate_attributes
from langfuse.openai import OpenAI
from weather import FAILING, MESSAGES, MODEL, QUESTION, RESULT, TOOL

langfuse = Langfuse(
    public_key="pk-lf-weather-bot",
    secret_key=os.environ["ASSAY_KEY"],
    base_url=os.environ["ASSAY_URL"],
    environment="staging",
    release="2.1.0",
)


@observe(as_type="tool")
def get_weather(city):
    return RESULT


@observe(as_type="generation", name="by hand")
def generate(question):
    langfuse.update_current_generation(
        model="claude-sonnet-4-5",
        model_parameters={"max_tokens": 100},
        usage_details={
            "input": 20,
            "output": 7,
            "cache_read_input_tokens": 8,
            "cache_creation_input_tokens": 2,
        },
        cost_details={"input": 0.001, "output": 0.002, "total": 0.003},
        completion_start_time=datetime.datetime.now(datetime.UTC),
        metadata={"attempt": 1},
    )
    return "Sunny, 21 degrees."


@observe(name="answer")
def answer(question):
    client = OpenAI(max_retries=0)
    client.chat.completions.create(name="first", model=MODEL, messages=MESSAGES, tools=[TOOL])
    get_weather("Paris")
    list(
        client.chat.completions.create(
            name="streamed",
            model=MODEL,
            messages=MESSAGES,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    generate(question)
    with contextlib.suppress(openai.RateLimitError):
        client.chat.completions.create(name="failing", model=FAILING, messages=MESSAGES)
    with langfuse.start_as_current_observation(name="check", as_type="guardrail") as check:
        check.update(output="fine", level="WARNING", status_message="close to the limit")
    return "Sunny, 21 degrees."


with propagate_attributes(
    user_id="ada",
    session_id="s-langfuse",
    tags=["beta", "paris"],
    metadata={"tier": "pro"},
    trace_name="weather",
    version="v9",
    prompt={"name": "weather", "version": 4},
):
    answer(QUESTION)
langfuse.shutdown()

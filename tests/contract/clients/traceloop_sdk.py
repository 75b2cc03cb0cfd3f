"""traceloop-sdk: decorators, association properties, prompt versions, OpenAI and Anthropic."""

import contextlib
import os

import anthropic
import openai
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import agent, task, tool, workflow
from traceloop.sdk.instruments import Instruments
from traceloop.sdk.tracing.tracing import (
    set_external_prompt_tracing_context,
    set_managed_prompt_tracing_context,
)
from weather import CLAUDE, FAILING, MESSAGES, MODEL, QUESTION, RESULT, SYSTEM, TOOL

Traceloop.init(
    app_name="weather-bot",
    api_endpoint=os.environ["ASSAY_URL"],
    api_key=os.environ["ASSAY_KEY"],
    telemetry_enabled=False,
    resource_attributes={
        "service.version": "2.1.0",
        "deployment.environment.name": "staging",
    },
    instruments={Instruments.OPENAI, Instruments.ANTHROPIC},
)
openai_client = openai.OpenAI(max_retries=0)
claude = anthropic.Anthropic(max_retries=0)


@tool(name="get_weather")
def get_weather(city):
    return RESULT


@task(name="look_up")
def look_up():
    set_managed_prompt_tracing_context("weather", 4, "warm", "abc123", {"city": "Paris"})
    answer = openai_client.chat.completions.create(model=MODEL, messages=MESSAGES, tools=[TOOL])
    return get_weather(answer.choices[0].message.tool_calls[0].function.arguments)


@agent(name="forecaster")
def forecast():
    set_external_prompt_tracing_context("Weather in {city}?", {"city": "Paris"}, 2)
    return (
        claude.messages.create(
            model=CLAUDE,
            max_tokens=100,
            system=SYSTEM,
            messages=[{"role": "user", "content": QUESTION}],
        )
        .content[0]
        .text
    )


@task(name="stream")
def stream():
    chunks = openai_client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


@task(name="respond")
def respond():
    return openai_client.responses.create(model=MODEL, input=QUESTION).output_text


@workflow(name="weather_report")
def report(question):
    Traceloop.set_association_properties(
        {"session_id": "s-traceloop", "user_id": "ada", "plan": "pro"}
    )
    look_up()
    forecast()
    stream()
    respond()
    with contextlib.suppress(openai.RateLimitError):
        openai_client.chat.completions.create(model=FAILING, messages=MESSAGES)
    return "Sunny, 21 degrees."


report(QUESTION)

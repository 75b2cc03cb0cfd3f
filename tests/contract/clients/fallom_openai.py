"""Fallom's wrapper around openai: chat, tools, Responses, async, a stream, a failure."""

import asyncio
import contextlib

import fallom
import openai
from fallom_sending import sending
from weather import FAILING, MESSAGES, MODEL, QUESTION, SYSTEM, TOOL, after_the_tool

with sending():
    session = fallom.session(
        config_key="weather-bot",
        session_id="s-fallom-openai",
        customer_id="ada",
        metadata={"tier": "pro"},
        tags=["beta"],
    )
    client = session.wrap_openai(openai.OpenAI(max_retries=0))
    model = asyncio.run(session.get_model(fallback=MODEL))
    client.chat.completions.create(model=model, messages=MESSAGES)
    asked = client.chat.completions.create(model=model, messages=MESSAGES, tools=[TOOL])
    client.chat.completions.create(model=model, messages=after_the_tool(asked), tools=[TOOL])
    client.responses.create(model=model, input=QUESTION, instructions=SYSTEM)
    with contextlib.suppress(AttributeError):  # the wrapper reads a stream as an answer
        client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
    with contextlib.suppress(openai.RateLimitError):
        client.chat.completions.create(model=FAILING, messages=MESSAGES)
    later = session.wrap_openai(openai.AsyncOpenAI(max_retries=0))
    asyncio.run(later.chat.completions.create(model=model, messages=MESSAGES))

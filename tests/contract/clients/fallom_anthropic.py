"""Fallom's wrapper around anthropic: a plain call, a tool, a stream, a failure."""

import contextlib

import anthropic
import fallom
from fallom_sending import sending
from weather import CLAUDE, FAILING, PARAMETERS, QUESTION, SYSTEM

TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": PARAMETERS}
MESSAGES = [{"role": "user", "content": QUESTION}]

with sending():
    session = fallom.session("weather-bot", "s-fallom-anthropic", customer_id="ada")
    client = session.wrap_anthropic(anthropic.Anthropic(max_retries=0))
    create = client.messages.create
    create(model=CLAUDE, max_tokens=99, system=SYSTEM, messages=MESSAGES)
    create(model=CLAUDE, max_tokens=99, messages=MESSAGES, tools=[TOOL])
    with contextlib.suppress(AttributeError):  # the wrapper reads a stream as an answer
        create(model=CLAUDE, max_tokens=99, messages=MESSAGES, stream=True)
    with contextlib.suppress(anthropic.RateLimitError):
        create(model=FAILING, max_tokens=99, messages=MESSAGES)

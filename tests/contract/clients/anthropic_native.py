"""anthropic by itself: since version 2 its client makes spans of its own, with content if asked."""

import anthropic
from exporting import exporting
from weather import CLAUDE, FAILING, PARAMETERS, QUESTION, SYSTEM

TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": PARAMETERS,
}
SESSION = {"session.id": "s-anthropic-native", "user.id": "ada"}
ASKED = [{"role": "user", "content": QUESTION}]

with exporting() as tracer:
    client = anthropic.Anthropic(max_retries=0)
    with tracer.start_as_current_span("plain", attributes=SESSION):
        client.messages.create(model=CLAUDE, max_tokens=100, system=SYSTEM, messages=ASKED)
    with (
        tracer.start_as_current_span("streamed", attributes=SESSION),
        client.messages.stream(model=CLAUDE, max_tokens=100, messages=ASKED) as stream,
    ):
        list(stream.text_stream)
    with tracer.start_as_current_span("tools", attributes=SESSION):
        client.messages.create(model=CLAUDE, max_tokens=100, messages=ASKED, tools=[TOOL])
    with tracer.start_as_current_span("failing", attributes=SESSION) as span:
        try:
            client.messages.create(model=FAILING, max_tokens=100, messages=ASKED)
        except anthropic.RateLimitError:
            span.add_event("gave up")

"""anthropic, instrumented by openinference-instrumentation-anthropic."""

import anthropic
from exporting import exporting
from openinference.instrumentation import using_attributes
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from weather import CLAUDE, FAILING, PARAMETERS, QUESTION, RESULT, SYSTEM

TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": PARAMETERS,
}
ASKED = [{"role": "user", "content": QUESTION}]

with exporting() as tracer, using_attributes(session_id="s-oi-anthropic", user_id="ada"):
    AnthropicInstrumentor().instrument()
    client = anthropic.Anthropic(max_retries=0)
    with tracer.start_as_current_span("plain"):
        client.messages.create(model=CLAUDE, max_tokens=100, system=SYSTEM, messages=ASKED)
    with (
        tracer.start_as_current_span("streamed"),
        client.messages.stream(model=CLAUDE, max_tokens=100, messages=ASKED) as stream,
    ):
        list(stream.text_stream)
    with tracer.start_as_current_span("tools"):
        answer = client.messages.create(model=CLAUDE, max_tokens=100, messages=ASKED, tools=[TOOL])
        call = answer.content[0]
        said = {"role": "assistant", "content": [call.model_dump(exclude_none=True)]}
        result = {"type": "tool_result", "tool_use_id": call.id, "content": RESULT}
        client.messages.create(
            model=CLAUDE,
            max_tokens=100,
            messages=[*ASKED, said, {"role": "user", "content": [result]}],
            tools=[TOOL],
        )
    with tracer.start_as_current_span("failing") as span:
        try:
            client.messages.create(model=FAILING, max_tokens=100, messages=ASKED)
        except anthropic.RateLimitError:
            span.add_event("gave up")

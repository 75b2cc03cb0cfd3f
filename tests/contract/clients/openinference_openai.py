"""openai, instrumented by openinference-instrumentation-openai."""

import openai
from exporting import exporting
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from weather import (
    EMBEDDER,
    FAILING,
    MESSAGES,
    MODEL,
    PARAMETERS,
    QUESTION,
    RESULT,
    SYSTEM,
    TOOL,
    after_the_tool,
)

SAID = using_attributes(
    session_id="s-oi-openai",
    user_id="ada",
    metadata={"tier": "pro"},
    tags=["beta", "paris"],
    prompt_template="How is the weather in {city}?",
    prompt_template_version="v3",
    prompt_template_variables={"city": "Paris"},
)
FLAT_TOOL = {"type": "function", "name": "get_weather", "parameters": PARAMETERS}

with exporting() as tracer, SAID:
    OpenAIInstrumentor().instrument()
    client = openai.OpenAI(max_retries=0)
    complete = client.chat.completions.create
    with tracer.start_as_current_span("plain"):
        complete(model=MODEL, messages=MESSAGES, temperature=0.2)
    with tracer.start_as_current_span("streamed"):
        list(
            complete(
                model=MODEL,
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    with tracer.start_as_current_span("tools"):
        asked = complete(model=MODEL, messages=MESSAGES, tools=[TOOL])
        complete(model=MODEL, messages=after_the_tool(asked), tools=[TOOL])
    with tracer.start_as_current_span("responses"):
        asked = client.responses.create(
            model=MODEL, instructions=SYSTEM, input=QUESTION, tools=[FLAT_TOOL]
        )
        call = asked.output[0]
        result = {"type": "function_call_output", "call_id": call.call_id, "output": RESULT}
        client.responses.create(
            model=MODEL,
            input=[{"role": "user", "content": QUESTION}, call.model_dump(), result],
            tools=[FLAT_TOOL],
        )
    with tracer.start_as_current_span("responses streamed"):
        list(client.responses.create(model=MODEL, input=QUESTION, stream=True))
    with tracer.start_as_current_span("embedding"):
        client.embeddings.create(model=EMBEDDER, input=QUESTION)
    with tracer.start_as_current_span("failing") as span:
        try:
            complete(model=FAILING, messages=MESSAGES)
        except openai.RateLimitError:
            span.add_event("gave up")

"""openai, instrumented by opentelemetry-instrumentation-openai-v2."""

import openai
from exporting import exporting
from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor
from weather import EMBEDDER, FAILING, MESSAGES, MODEL, QUESTION, TOOL, after_the_tool

SESSION = {
    "session.id": "s-openai-v2",
    "user.id": "ada",
    "assay.experiment": "tone",
    "assay.variant": "warm",
}

with exporting(logs=True) as tracer:
    OpenAIInstrumentor().instrument()
    client = openai.OpenAI(max_retries=0)
    complete = client.chat.completions.create
    with tracer.start_as_current_span("plain", attributes=SESSION):
        complete(model=MODEL, messages=MESSAGES, temperature=0.2)
    with tracer.start_as_current_span("streamed", attributes=SESSION):
        list(
            complete(
                model=MODEL,
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    with tracer.start_as_current_span("tools", attributes=SESSION):
        asked = complete(model=MODEL, messages=MESSAGES, tools=[TOOL])
        complete(model=MODEL, messages=after_the_tool(asked), tools=[TOOL])
    with tracer.start_as_current_span("embedding", attributes=SESSION):
        client.embeddings.create(model=EMBEDDER, input=QUESTION)
    with tracer.start_as_current_span("failing", attributes=SESSION) as span:
        try:
            complete(model=FAILING, messages=MESSAGES)
        except openai.RateLimitError:
            span.add_event("gave up")

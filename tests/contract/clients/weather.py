"""What all scripts beside this one ask: the weather in Paris, in words or by a tool."""

QUESTION = "How is the weather in Paris?"
SYSTEM = "Answer in one sentence."
RESULT = '{"sky": "clear", "celsius": 21}'
MODEL = "gpt-5-mini"
CLAUDE = "claude-sonnet-4-5"
EMBEDDER = "text-embedding-3-small"
FAILING = "error-429"

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": PARAMETERS,
    },
}
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return RESULT


def after_the_tool(answer) -> list[dict]:
    """The messages that give an OpenAI chat completion what its tool call returned."""
    message = answer.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": RESULT}
    return [*MESSAGES, message.model_dump(exclude_none=True), result]

"""What applications do around Fallom's wrappers: tools, streams, numbered sessions, Gemini."""

import contextlib
from types import SimpleNamespace

import anthropic
import fallom
import openai
from fallom_sending import sending
from weather import CLAUDE, MESSAGES, MODEL, PARAMETERS, QUESTION, RESULT, TOOL, after_the_tool

ANTHROPIC_TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": PARAMETERS}
ASKED = [{"role": "user", "content": QUESTION}]


class Gemini:
    """What the wrapper sees of google-generativeai's model and its answers."""

    model_name = "models/gemini-2.5-flash"

    def generate_content(self, contents):
        part = SimpleNamespace(function_call=None)
        candidate = SimpleNamespace(
            content=SimpleNamespace(parts=[part]), finish_reason=SimpleNamespace(name="STOP")
        )
        usage = SimpleNamespace(
            prompt_token_count=11, candidates_token_count=5, total_token_count=36
        )
        return SimpleNamespace(text="Sunny.", candidates=[candidate], usage_metadata=usage)


def ask_openai(session) -> None:
    client = session.wrap_openai(openai.OpenAI(max_retries=0))
    create = client.chat.completions.create
    asked = create(model=MODEL, messages=MESSAGES, tools=[TOOL])
    create(model=MODEL, messages=after_the_tool(asked), tools=[TOOL])
    message = asked.choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": RESULT}
    with contextlib.suppress(TypeError):  # the wrapper cannot write the message as JSON
        create(model=MODEL, messages=[*MESSAGES, message, result], tools=[TOOL])
    for _ in client.responses.create(model=MODEL, input=QUESTION, stream=True):
        pass


def ask_anthropic(session) -> None:
    create = session.wrap_anthropic(anthropic.Anthropic(max_retries=0)).messages.create
    asked = create(model=CLAUDE, max_tokens=9, messages=ASKED, tools=[ANTHROPIC_TOOL])
    result = {"type": "tool_result", "tool_use_id": asked.content[-1].id, "content": RESULT}
    for content in ([block.model_dump() for block in asked.content], asked.content):
        said = {"role": "assistant", "content": content}
        with contextlib.suppress(TypeError):
            create(
                model=CLAUDE,
                max_tokens=9,
                messages=[*ASKED, said, {"role": "user", "content": [result]}],
                tools=[ANTHROPIC_TOOL],
            )


with sending():
    ask_openai(fallom.session("weather-bot", "s-loop-openai"))
    ask_anthropic(fallom.session("weather-bot", "s-loop-anthropic"))
    numbered = fallom.session("weather-bot", 4711, customer_id=7)
    numbered.wrap_google_ai(Gemini()).generate_content(QUESTION)
    fallom.trace.span({"clicks": 3}, config_key="weather-bot", session_id=4711)

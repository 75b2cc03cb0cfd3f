"""Messages for pages, from every way a dialect writes them."""

import json

import pytest

from tests.tracking.adapters.otlp_building import map_one
from tracking.adapters.dialects.message_parts import Message, Part
from tracking.adapters.dialects.messages import messages_of
from tracking.events import Payload

HELLO = [Message("user", [Part("text", text="hello")])]
CALL = Part("tool_call", call_id="c1", name="search", arguments='{"q":"x"}')
RESULT = Part("tool_result", call_id="c1", text="found")


def messages_of_span(attributes, direction):
    event = map_one(attributes)
    return messages_of(event.payload, event.payload.attributes or {}, direction)


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"hello"}]}]'},
        {
            "gen_ai.input.messages": [
                {"role": "user", "parts": [{"type": "text", "content": "hello"}]}
            ]
        },
        {"input.value": '{"messages": [{"role": "user", "content": "hello"}], "model": "m"}'},
        {"input.value": '[{"role": "user", "content": [{"type": "text", "text": "hello"}]}]'},
        {"input.value": "hello"},
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": "hello",
        },
        {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hello"},
        {
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "hello",
        },
    ],
    ids=[
        "gen_ai",
        "structured",
        "request",
        "openai",
        "plain",
        "flattened",
        "traceloop",
        "contents",
    ],
)
def test_every_way_gives_the_same_message(attributes):
    assert messages_of_span(attributes, "input") == HELLO


def test_output_without_a_role_is_the_assistants():
    assert messages_of_span({"output.value": "done"}, "output") == [
        Message("assistant", [Part("text", text="done")])
    ]


def test_instructions_come_first():
    attributes = {
        "gen_ai.system_instructions": '[{"type":"text","content":"be brief"}]',
        "input.value": "hello",
    }

    assert messages_of_span(attributes, "input") == [
        Message("system", [Part("text", text="be brief")]),
        *HELLO,
    ]


def test_json_that_is_no_message_is_shown_as_text():
    assert messages_of_span({"gen_ai.tool.call.arguments": '{"q": "x"}'}, "input") == [
        Message("user", [Part("text", text='{"q": "x"}')])
    ]


@pytest.mark.parametrize(
    "message",
    [
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "search", "arguments": {"q": "x"}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "search", "arguments": '{"q":"x"}'},
                }
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "x"}}],
        },
    ],
    ids=["gen_ai", "openai", "anthropic"],
)
def test_tool_calls_are_read(message):
    payload = Payload(output=json.dumps([message]))

    assert messages_of(payload, {}, "output") == [Message("assistant", [CALL])]


def test_flattened_tool_calls_are_read():
    prefix = "llm.output_messages.0.message"
    attributes = {
        f"{prefix}.role": "assistant",
        f"{prefix}.tool_calls.0.tool_call.id": "c1",
        f"{prefix}.tool_calls.0.tool_call.function.name": "search",
        f"{prefix}.tool_calls.0.tool_call.function.arguments": '{"q":"x"}',
    }

    assert messages_of_span(attributes, "output") == [Message("assistant", [CALL])]


@pytest.mark.parametrize(
    ("message", "role"),
    [
        ({"role": "tool", "tool_call_id": "c1", "content": "found"}, "tool"),
        (
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": [{"type": "text", "text": "found"}],
                    }
                ],
            },
            "user",
        ),
        (
            {
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": "c1", "response": "found"}],
            },
            "tool",
        ),
        (
            {
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": "c1", "result": "found"}],
            },
            "tool",
        ),
    ],
    ids=["openai", "anthropic", "gen_ai", "gen_ai-old"],
)
def test_tool_results_are_read(message, role):
    payload = Payload(input=json.dumps([message]))

    assert messages_of(payload, {}, "input") == [Message(role, [RESULT])]


def test_span_events_of_older_conventions_are_read():
    payload = Payload(
        span_events=[
            ["gen_ai.system.message", 1, {"content": "be brief"}],
            ["gen_ai.user.message", 2, {"content": "hello"}],
            ["gen_ai.tool.message", 3, {"id": "c1", "content": "found"}],
            ["gen_ai.choice", 4, {"index": 0, "message": '{"content": "hi"}'}],
            ["exception", 5, {}],
        ]
    )

    assert messages_of(payload, {}, "input") == [
        Message("system", [Part("text", text="be brief")]),
        *HELLO,
        Message("tool", [RESULT]),
    ]
    assert messages_of(payload, {}, "output") == [Message("assistant", [Part("text", text="hi")])]


def test_an_image_is_an_address_that_nobody_fetches():
    content = [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    payload = Payload(input=json.dumps([{"role": "user", "content": content}]))

    assert messages_of(payload, {}, "input")[0].parts == [
        Part("image", text="https://example.org/a.png")
    ]


def test_an_unknown_part_is_shown_as_it_is():
    payload = Payload(input='[{"role": "user", "content": [{"type": "video", "frames": 3}]}]')

    assert messages_of(payload, {}, "input")[0].parts == [
        Part("other", text='{"type":"video","frames":3}', name="video")
    ]


def test_an_index_sizes_nothing():
    attributes = {
        "llm.input_messages.4294967295.message.content": "last",
        "llm.input_messages.7.message.content": "first",
        "llm.input_messages.99999999999999.message.content": "too far",
        "llm.input_messages.-1.message.content": "no index",
        "llm.input_messages.٣.message.content": "no ascii digit",
    }

    texts = [message.parts[0].text for message in messages_of_span(attributes, "input")]

    assert texts == ["first", "last"]


def test_a_thousand_messages_are_enough():
    attributes = {f"llm.input_messages.{n}.message.content": str(n) for n in range(3000)}

    assert len(messages_of_span(attributes, "input")) == 1000


@pytest.mark.parametrize(
    "body", ["[" * 5000, '[{"role": {"a": 1}, "parts": 5}]', "{}", "[]", '[{"role": null}]', "\x00"]
)
def test_nonsense_is_shown_not_raised(body):
    assert isinstance(messages_of(Payload(input=body), {}, "input"), list)


DUMPED = {"content": "hello", "additional_kwargs": {}, "response_metadata": {}, "id": None}


@pytest.mark.parametrize(
    "body",
    [
        {"type": "human", "data": {**DUMPED, "type": "human"}},
        {**DUMPED, "type": "human"},
        {"messages": [[{**DUMPED, "type": "human"}]]},
    ],
)
def test_messages_that_langchain_dumped_are_read(body):
    assert messages_of_span({"input.value": json.dumps(body)}, "input") == HELLO


def test_a_dumped_result_of_a_tool_is_its_own():
    dumped = {**DUMPED, "content": "found", "tool_call_id": "c1"}
    body = json.dumps({"type": "tool", "data": dumped})

    assert messages_of_span({"output.value": body}, "output") == [Message("tool", [RESULT])]


@pytest.mark.parametrize("said", [{"type": "ai", "content": "x"}, {"type": "human", "data": [1]}])
def test_other_objects_of_such_a_type_are_shown_as_they_are(said):
    body = json.dumps(said)

    (message,) = messages_of_span({"output.value": body}, "output")
    assert message.parts == [Part("text", text=body)]


def test_a_text_that_was_quoted_as_json_is_shown_without_quotes():
    assert messages_of_span({"input.value": '"hello"'}, "input") == HELLO
    (broken,) = messages_of_span({"input.value": '"hello" she said, "twice"'}, "input")
    assert broken.parts[0].text == '"hello" she said, "twice"'


def test_embeddings_are_no_words():
    body = json.dumps({"object": "list", "data": [{"embedding": [1]}], "usage": {}})

    assert messages_of_span({"output.value": body}, "output")[0].parts == [Part("text", text=body)]


def test_thoughts_beside_an_answer_come_first():
    attributes = {"ai.response.text": "Sunny.", "ai.response.reasoning": "Is it sunny?"}

    (message,) = messages_of_span(attributes, "output")

    thoughts, answer = message.parts
    assert (thoughts.text, thoughts.name) == ("Is it sunny?", "reasoning")
    assert answer.text == "Sunny."


EVENTS = [
    {"event.name": "gen_ai.system.message", "content": "Be brief.", "role": "system"},
    {"event.name": "gen_ai.user.message", "content": "Weather?", "role": "user"},
    {
        "event.name": "gen_ai.choice",
        "index": 0,
        "message": {"role": "assistant", "content": "Sun."},
    },
]


@pytest.mark.parametrize("events", [json.dumps(EVENTS), EVENTS, json.dumps([*EVENTS, 1, {}])])
def test_events_in_one_attribute_are_messages(events):
    asked = messages_of_span({"events": events}, "input")
    answered = messages_of_span({"events": events}, "output")

    assert [(m.role, m.text) for m in asked] == [("system", "Be brief."), ("user", "Weather?")]
    assert [(m.role, m.text) for m in answered] == [("assistant", "Sun.")]


@pytest.mark.parametrize("events", ["[", "3 of them", 3, '[{"event.name": 1}]', '["a"]'])
def test_other_events_are_no_messages(events):
    assert messages_of_span({"events": events}, "input") == []


def test_bodies_of_googles_kit_are_messages():
    request = {
        "model": "gemini-2.5-flash",
        "config": {"system_instruction": "Be brief.", "tools": []},
        "contents": [{"role": "user", "parts": [{"text": "Weather?"}]}],
    }
    call = {"id": "c1", "name": "search", "args": {"q": "x"}}
    parts = [{"text": "Hm.", "thought": True}, {"text": "Sunny."}, {"function_call": call}]
    response = {"content": {"role": "model", "parts": parts}, "usage_metadata": {}}
    payload = Payload(input=json.dumps(request), output=json.dumps(response))

    asked, (answered,) = messages_of(payload, {}, "input"), messages_of(payload, {}, "output")

    assert [(m.role, m.text) for m in asked] == [("system", "Be brief."), ("user", "Weather?")]
    assert [part.name for part in answered.parts] == ["reasoning", "", "search"]


PROMPT, INPUT = "gen_ai.prompt.0", "llm.input_messages.0.message"
CONTENTS = f"{INPUT}.contents.0.message_content"


@pytest.mark.parametrize(
    ("attributes", "part"),
    [
        ({f"{PROMPT}.content": '[{"type": "text", "text": "Hi"}]'}, Part("text", text="Hi")),
        ({f"{PROMPT}.content": "[1, 2]"}, Part("text", text="[1, 2]")),
        ({f"{PROMPT}.content": "[]"}, Part("text", text="[]")),
        ({f"{PROMPT}.content": "[x"}, Part("text", text="[x")),
        ({"llm.prompts.0.prompt.text": "Hi"}, Part("text", text="Hi")),
        ({"embedding.embeddings.0.embedding.text": "Hi"}, Part("text", text="Hi")),
        (
            {
                f"{CONTENTS}.type": "audio",
                f"{CONTENTS}.audio.audio.url": "https://x.test/a.wav",
                f"{CONTENTS}.audio.audio.transcript": "meow",
            },
            Part("image", text="audio: meow, https://x.test/a.wav", name="audio"),
        ),
        (
            {
                f"{CONTENTS}.type": "audio",
                f"{CONTENTS}.audio.audio.url": "data:audio/wav;base64,QUJD",
                f"{CONTENTS}.audio.audio.mime_type": "audio/wav",
            },
            Part("image", text="audio: audio/wav, 3 bytes", name="audio"),
        ),
        (
            {
                f"{INPUT}.function_call_name": "search",
                f"{INPUT}.function_call_arguments_json": '{"q":"x"}',
            },
            Part("tool_call", name="search", arguments='{"q":"x"}'),
        ),
    ],
)
def test_flattened_parts_are_read(attributes, part):
    assert messages_of_span(attributes, "input") == [Message("user", [part])]


def test_flattened_choices_are_answers():
    said = messages_of_span({"llm.choices.0.completion.text": "Hi"}, "output")

    assert said == [Message("assistant", [Part("text", text="Hi")])]


@pytest.mark.parametrize("body", ["null", '{"output":null}', '{"output": null}'])
def test_a_call_that_failed_said_nothing(body):
    assert messages_of(Payload(output=body), {}, "output") == []
    assert messages_of(Payload(input=body), {}, "input") != []

import json

from tests.tracking.span_samples import make_detail
from tracking.conversation import build_thread


def messages(*said):
    return json.dumps([{"role": role, "content": text} for role, text in said])


def lines(turns):
    return [[(entry.role, entry.text) for entry in turn.entries] for turn in turns]


def test_a_call_is_its_input_and_its_output():
    events = [
        make_detail(
            "call",
            input=messages(("system", "Be brief."), ("user", "Hello?")),
            output=messages(("assistant", "Hi!")),
        )
    ]

    turns = build_thread(events)

    assert lines(turns) == [[("system", "Be brief."), ("user", "Hello?"), ("assistant", "Hi!")]]
    assert [entry.is_main for entry in turns[0].entries] == [False, True, True]


def test_history_sent_again_is_shown_once():
    events = [
        make_detail("1", trace_id="a", input=messages(("user", "One?")), output="First."),
        make_detail(
            "2",
            trace_id="b",
            at_ms=10,
            input=messages(("user", "One?"), ("assistant", "First."), ("user", "Two?")),
            output="Second.",
        ),
    ]

    assert lines(build_thread(events)) == [
        [("user", "One?"), ("assistant", "First.")],
        [("user", "Two?"), ("assistant", "Second.")],
    ]


def test_the_same_question_in_a_later_turn_is_shown_again():
    events = [
        make_detail("1", trace_id="a", input="yes", output="Fine."),
        make_detail("2", trace_id="b", at_ms=10, input="yes", output="Good."),
    ]

    assert lines(build_thread(events))[1] == [("user", "yes"), ("assistant", "Good.")]


def test_a_continued_window_skips_the_history_of_its_first_call():
    asked = messages(("user", "One?"), ("assistant", "First."), ("user", "Two?"))
    events = [make_detail("2", input=asked, output="Second.")]

    turns = build_thread(events, is_continuation=True)

    assert lines(turns) == [[("user", "Two?"), ("assistant", "Second.")]]


CALLS = json.dumps(
    [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "function": {"name": "lookup", "arguments": '{"order": 7}'}}
            ],
        }
    ]
)


def test_a_tool_call_is_paired_with_the_result_in_the_next_call():
    answered = json.dumps(
        [
            {"role": "user", "content": "Where is it?"},
            *json.loads(CALLS),
            {"role": "tool", "tool_call_id": "c1", "content": "shipped"},
        ]
    )
    events = [
        make_detail("1", input=messages(("user", "Where is it?")), output=CALLS),
        make_detail("2", at_ms=10, input=answered, output="On its way."),
    ]

    (turn,) = build_thread(events)

    assert [entry.role for entry in turn.entries] == ["user", "assistant", "assistant"]
    (use,) = turn.entries[1].tools
    assert (use.name, use.arguments, use.result) == ("lookup", '{"order": 7}', "shipped")


def test_what_a_call_took_is_said_once_and_not_of_what_was_said_before():
    steps = json.dumps({"steps": [{"text": "One."}, {"text": "Two."}], "finishReason": "stop"})
    asked = messages(("user", "Hi"), ("assistant", "Yes?"), ("user", "Go"))

    (turn,) = build_thread([make_detail("call", input=asked, output=steps)])

    assert [(entry.text, entry.is_answer) for entry in turn.entries] == [
        *[(text, False) for text in ("Hi", "Yes?", "Go", "One.")],
        ("Two.", True),
    ]


def asked_and_answered(*results, call_id="c1"):
    """A question, a call of a tool, and what it gave."""
    calls = json.loads(CALLS.replace("c1", call_id))
    told = [{"role": "tool", "tool_call_id": call_id, "content": text} for text in results]
    return json.dumps([{"role": "user", "content": "Where is it?"}, *calls, *told])


def test_a_result_in_the_next_trace_is_that_of_the_call_in_the_one_before():
    events = [
        make_detail("1", trace_id="a", input=messages(("user", "Where is it?")), output=CALLS),
        make_detail("2", trace_id="b", at_ms=10, input=asked_and_answered("shipped"), output="On."),
    ]

    first, second = build_thread(events)

    assert first.entries[1].tools[0].result == "shipped"
    assert lines([second]) == [[("user", "Where is it?"), ("assistant", "On.")]]


def test_ids_that_repeat_name_the_call_that_waits():
    events = [
        make_detail("1", input=messages(("user", "Where is it?")), output=CALLS),
        make_detail("2", at_ms=1, input=asked_and_answered("shipped"), output=CALLS),
        make_detail("3", at_ms=2, input=asked_and_answered("shipped", "arrived"), output="Here."),
    ]

    (turn,) = build_thread(events)

    uses = [use for entry in turn.entries for use in entry.tools]
    assert [use.result for use in uses] == ["shipped", "arrived"]


def test_a_tool_that_was_answered_in_its_trace_is_not_answered_again():
    events = [
        make_detail("1", trace_id="a", input=messages(("user", "Where is it?")), output=CALLS),
        make_detail("lookup", trace_id="a", at_ms=5, kind="tool", output="content='shipped'"),
        make_detail("2", trace_id="b", at_ms=10, input=asked_and_answered("shipped"), output="On."),
    ]

    first, second = build_thread(events)

    assert first.entries[1].tools[0].result == "content='shipped'"
    assert [entry.role for entry in second.entries] == ["user", "assistant"]


def test_a_result_whose_call_was_shown_before_the_window_names_its_tool():
    events = [make_detail("2", input=asked_and_answered("shipped"), output="On its way.")]

    (turn,) = build_thread(events, is_continuation=True)

    (use,) = [use for entry in turn.entries for use in entry.tools]
    assert (use.name, use.result) == ("lookup", "shipped")


def test_a_tool_call_is_paired_with_the_tools_own_span():
    events = [
        make_detail("1", input=messages(("user", "Where is it?")), output=CALLS),
        make_detail("lookup", at_ms=5, kind="tool", input="{}", output="lost", status="error"),
    ]

    (turn,) = build_thread(events)

    (use,) = turn.entries[1].tools
    assert (use.result, use.is_error) == ("lost", True)
    assert len(turn.entries) == 2


def test_a_tools_message_that_was_printed_is_read():
    printed = """content='it\\'s "lost"' name='lookup' tool_call_id='c1'"""
    events = [
        make_detail("1", input=messages(("user", "Where is it?")), output=CALLS),
        make_detail("tool.lookup", at_ms=5, kind="tool", output=json.dumps({"output": printed})),
        make_detail("tool.other", at_ms=6, kind="tool", output="content=nothing"),
    ]

    (turn,) = build_thread(events)

    uses = [use for entry in turn.entries for use in entry.tools]
    assert [(use.name, use.result) for use in uses] == [
        ("lookup", """it's "lost\""""),
        ("other", "content=nothing"),
    ]


def test_a_result_that_names_no_call_is_that_of_the_call_that_waits():
    """LangChain's messages lose their ids in Fallom's callback."""
    said = messages(("user", "Where is it?"), ("ai", ""), ("tool", "shipped"))
    events = [
        make_detail("1", input=messages(("user", "Where is it?")), output=CALLS),
        make_detail("2", at_ms=9, input=said, output="On its way."),
        make_detail("3", at_ms=10, input=messages(("user", "And?"), ("tool", "alone")), output="x"),
    ]

    (turn,) = build_thread(events)

    assert turn.entries[1].tools[0].result == "shipped"
    assert [entry.text for entry in turn.entries if entry.role == "tool"] == ["alone"]


def test_a_tool_nobody_asked_for_stands_alone():
    (turn,) = build_thread([make_detail("search", kind="tool", input="q", output="r")])

    (use,) = turn.entries[0].tools
    assert (turn.entries[0].role, use.name, use.arguments, use.result) == (
        "tool",
        "search",
        "q",
        "r",
    )


def test_a_wrapper_speaks_where_no_call_does():
    events = [
        make_detail("agent", kind="agent", input="Hello?", output="Hi!"),
        make_detail("call", at_ms=5),
    ]

    (turn,) = build_thread(events)

    assert [(entry.role, entry.text) for entry in turn.entries if entry.text] == [
        ("user", "Hello?"),
        ("assistant", "Hi!"),
    ]


def test_a_wrapper_is_silent_where_a_call_speaks():
    events = [
        make_detail("agent", kind="agent", input="Hello?", output="Hi!"),
        make_detail("call", at_ms=5, input="Hello?", output="Hi!"),
    ]

    assert lines(build_thread(events)) == [[("user", "Hello?"), ("assistant", "Hi!")]]


def test_a_failed_call_is_shown_with_its_error():
    events = [make_detail("call", input="Hello?", status="error", error="timed out")]

    (turn,) = build_thread(events)

    assert [(entry.role, entry.error) for entry in turn.entries] == [
        ("user", ""),
        ("assistant", "timed out"),
    ]


def test_a_call_that_answered_nothing_is_still_an_answer():
    silent = '{"text": null, "finishReason": "content_filter", "responseId": "r", "model": "m"}'
    events = [make_detail("call", input=messages(("user", "Hello?")), output=silent)]

    (turn,) = build_thread(events)

    assert lines([turn]) == [[("user", "Hello?"), ("assistant", "")]]
    assert turn.entries[1].span.span.span_id == "call"


def test_thoughts_and_images_are_kept_apart_from_the_text():
    output = json.dumps(
        [
            {
                "role": "assistant",
                "parts": [
                    {"type": "reasoning", "content": "hm"},
                    {"type": "text", "content": "A cat."},
                    {"type": "image", "url": "https://example.org/cat.png"},
                ],
            }
        ]
    )

    (turn,) = build_thread([make_detail("call", output=output)])

    assert [(entry.role, entry.text) for entry in turn.entries] == [
        ("reasoning", "hm"),
        ("assistant", "A cat."),
    ]
    assert turn.entries[1].images == ["https://example.org/cat.png"]


def test_points_are_lines_of_their_own():
    (turn,) = build_thread([make_detail("", kind="event", name="variant.start", duration_ms=None)])

    assert turn.entries[0].role == "event"


def test_nothing_makes_no_turns():
    assert build_thread([]) == []


def test_a_call_that_two_spans_tell_is_shown_once():
    said = {"input": "Hello?", "output": "Hi!"}
    events = [
        make_detail("outer", duplicate_of="id-inner", **said),
        make_detail("inner", at_ms=10, **said),
    ]

    turns = build_thread(events)

    assert lines(turns) == [[("user", "Hello?"), ("assistant", "Hi!")]]
    assert turns[0].entries[0].span.span.span_id == "inner"


def test_what_only_the_report_says_that_does_not_count_is_shown():
    events = [
        make_detail("outer", duplicate_of="id-inner", input="Hello?", output="Hi!"),
        make_detail("inner", at_ms=10),
        make_detail("other", at_ms=20, duplicate_of="id-elsewhere", output="Bye."),
    ]

    assert lines(build_thread(events)) == [
        [("user", "Hello?"), ("assistant", "Hi!"), ("assistant", "Bye.")]
    ]

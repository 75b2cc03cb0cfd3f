import json
from urllib.parse import quote

import pytest

from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.span_samples import make_detail
from tests.tracking.support_bot import SESSION, TRACE, send_support_session
from tracking.pages import TRACE_ROWS, list_slots

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/p/alpha/traces/"
PAGE = f"{LIST}{quote(TRACE, safe='')}/"


@pytest.fixture
def bot(alpha):
    send_support_session(alpha)


@pytest.mark.usefixtures("bot")
def test_the_list_shows_a_trace_with_its_sums(bob_client):
    text = bob_client.get(LIST).content.decode()

    assert "support-agent" in text
    assert "$0.0042" in text
    assert text.count("<tr data-row>") == 1


@pytest.mark.usefixtures("bot")
def test_the_status_filter_chooses_traces(bob_client):
    counts = [
        bob_client.get(f"{LIST}?{query}").content.decode().count("<tr data-row>")
        for query in ("status=ok", "status=unset", "q=lookup_order", "q=nothing-like-it")
    ]

    assert sum(counts[:2]) == 1
    assert counts[3] == 0


@pytest.mark.usefixtures("bot")
def test_a_trace_is_a_tree_with_its_root_opened(bob_client):
    page = bob_client.get(PAGE)

    text = page.content.decode()
    assert text.count('class="waterfall__row"') == 3
    assert page.context["span"].name == "support-agent"
    assert 'width="14"' in text  # the indentation of a child


@pytest.mark.usefixtures("bot")
def test_a_deep_link_opens_its_span(bob_client):
    text = bob_client.get(f"{PAGE}?span=call%2F1").content.decode()

    assert "1,200 in, 34 out" in text
    assert "weird &lt;key&gt;" in text
    assert "&lt;b&gt;" in text
    assert "Be kind." in text


@pytest.mark.usefixtures("bot")
def test_the_panel_alone_is_the_same_span(bob_client):
    headers = {"HX-Request": "true", "HX-Target": "panel"}

    text = bob_client.get(f"{PAGE}?span=tool", headers=headers).content.decode()

    assert "<html" not in text
    assert "orders did not answer" in text


@pytest.mark.usefixtures("bot")
def test_a_span_that_is_not_there_is_said(bob_client):
    page = bob_client.get(f"{PAGE}?span=nobody")

    assert page.status_code == 200
    assert "No such span" in page.content.decode()


@pytest.mark.usefixtures("bot")
def test_a_trace_links_to_its_session(bob_client):
    page = bob_client.get(PAGE)

    assert page.context["trace"].session_id == SESSION
    assert b'href="/p/alpha/sessions/chat/7%20%3F&amp;%23%25/"' in page.content


def test_a_large_trace_comes_in_parts(alpha, bob_client):
    spans = [make_span("big", f"s{n}", parent_span_id="s0" if n else "") for n in range(450)]
    send_events(make_sender(alpha), spans)
    digest_all()

    first = bob_client.get(f"{LIST}big/").content.decode()
    last = bob_client.get(f"{LIST}big/?row={2 * TRACE_ROWS}").content.decode()

    assert first.count('class="waterfall__row"') == TRACE_ROWS
    assert f'href="?row={TRACE_ROWS}"' in first
    assert last.count('class="waterfall__row"') == 450 - 2 * TRACE_ROWS


def test_an_unknown_trace_is_not_found(bob_client):
    assert bob_client.get(f"{LIST}nobody/").status_code == 404


@pytest.mark.usefixtures("bot")
def test_a_stranger_finds_nothing(charlie_client):
    assert charlie_client.get(LIST).status_code == 404
    assert charlie_client.get(PAGE).status_code == 404


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("path", [LIST, PAGE, f"{PAGE}?span=tool"])
def test_it_asks_the_database_a_fixed_number_of_questions(
    bob_client, django_assert_max_num_queries, path
):
    with django_assert_max_num_queries(15):
        bob_client.get(path)


CALLS = [{"toolCallId": "c1", "toolName": "getWeather", "input": {"city": "Paris"}}]
ANSWER = {"ai.response.toolCalls": json.dumps(CALLS), "ai.response.reasoning": "A tool knows."}
ASKED = 'getWeather({"city":"Paris"})'
FLAT = {"llm.output_messages.0.message.role": "assistant"}
SAID = {**FLAT, "llm.output_messages.0.message.content": "Sunny."}


@pytest.mark.parametrize(
    ("output", "attributes", "messages"),
    [
        (
            "I look.",
            ANSWER,
            [("reasoning", "A tool knows."), ("assistant", f"I look.\n\n{ASKED}")],
        ),
        ('{"text": 1, "n": 2}', SAID, [("assistant", "Sunny.")]),
        ("Sunny.", SAID, []),
        ("Sunny.", {}, []),
        ('"Sunny."', {}, []),
        ('{"t": 21}', {}, []),
    ],
)
def test_the_panel_tells_what_was_said_beside_a_text(output, attributes, messages):
    content = make_detail("1", output=output, attributes=attributes).content

    (slot,) = list_slots(content, kind="llm")

    assert slot.messages == messages


@pytest.mark.parametrize(
    ("system", "messages"),
    [
        ('[{"type":"text","content":"Be brief."}]', [("system", "Be brief.")]),
        ("Be brief.", []),
    ],
)
def test_the_panel_shows_instructions_as_text(system, messages):
    (slot,) = list_slots(make_detail("1", system=system).content, kind="llm")

    assert (slot.title, slot.messages) == ("System", messages)


def test_the_panel_tells_tokens_of_each_kind(alpha, bob_client):
    tokens = {"input": 30, "output": 7, "cache_read": 8, "cache_write": 4, "reasoning": 2}
    send_events(make_sender(alpha), [make_span("kinds", "k", kind="llm", tokens=tokens)])
    digest_all()

    page = bob_client.get("/p/alpha/traces/kinds/?span=k").content.decode()

    told = ("Read from cache</dt><dd>8", "Written to cache</dt><dd>4", "Reasoning</dt><dd>2")
    assert [text for text in told if text not in page] == []

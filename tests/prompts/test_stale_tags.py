"""Spans that carry a prompt they cannot have used are told; those that may have are not."""

import json

import pytest

from prompts.drafts import Draft, create_draft, create_prompt, publish
from prompts.stale_tags import find_fragments, is_stale
from prompts.tag_checks import EVENTS_LOOKED_AT
from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.conftest import pipeline, weeks_ahead  # noqa: F401 # fixtures

SYSTEM = "You are the support agent of {{shop}}.\nAnswer only from the results of your tools."
RENDERED = SYSTEM.replace("{{shop}}", "Harbor & Pine")
OTHER = "Summarise the conversation for a colleague in three short lines."


@pytest.mark.parametrize(
    ("templates", "fragments"),
    [
        ([SYSTEM], ["you are the support agent of", "answer only from the results of your tools."]),
        (["{{a}} then {{b}}"], []),
        (["Be brief."], []),
        (["", "Speak  like\ta pirate\nof the old days"], ["speak like a pirate"]),
        ([OTHER, OTHER], [OTHER.casefold()]),
    ],
)
def test_fragments_are_what_a_prompt_says_whatever_its_variables(templates, fragments):
    assert find_fragments(templates) == fragments


def test_fragments_are_bounded():
    assert len(find_fragments(f"This is the sentence number {n}.\n" for n in range(1_000))) == 200


@pytest.mark.parametrize(
    ("said", "stale"),
    [
        ([RENDERED], False),
        ([RENDERED.replace("\n", "   ").upper()], False),
        (["[masked] Answer only from the results of your tools."], False),
        ([OTHER], True),
        ([OTHER, f"and more: {RENDERED}"], False),
        ([], False),
        (["", "  "], False),
    ],
    ids=["as is", "spaces and case", "cut", "another", "one of two", "unknown", "blank"],
)
def test_a_tag_is_stale_when_nothing_of_the_prompt_was_said(said, stale):
    assert is_stale(find_fragments([SYSTEM]), said) is stale


def test_a_prompt_of_variables_alone_tells_nothing():
    assert is_stale(find_fragments(["{{question}}"]), [OTHER]) is False


@pytest.fixture
def published(alpha, writer):
    prompt = create_prompt(alpha, "support-answer", writer)
    return publish(create_draft(prompt, Draft(system=SYSTEM), writer), "first", writer)


def chat(system, question="Where is my order?"):
    messages = [{"role": "system", "content": system}] if system else []
    return json.dumps([*messages, {"role": "user", "content": question}])


def send(project, *inputs, version="1", **data):
    tagged = {"prompt": "support-answer", "prompt_version": version, "kind": "llm"}
    spans = [
        make_span("t", f"call-{n}", session_id="s/1", input=text, **(tagged | data))
        for n, text in enumerate(inputs)
    ]
    send_events(make_sender(project), spans)
    digest_all()


def ask(client, session="s/1"):
    return client.get("/p/alpha/stale-prompt-tags/", {"session": session})


@pytest.mark.django_db
@pytest.mark.usefixtures("pipeline", "published")
def test_a_session_tells_which_of_its_spans_carry_a_stale_tag(
    alpha, bob_client, django_assert_max_num_queries
):
    send(alpha, chat(RENDERED), chat(OTHER), chat(""))

    with django_assert_max_num_queries(12):
        response = ask(bob_client)

    stale = response.context["found"][0]
    assert (stale.key, stale.version, stale.n_tagged) == ("support-answer", 1, 3)
    assert [span.name for span in stale.spans] == ["call-1", "call-2"]
    assert b"2 of 3 spans" in response.content


@pytest.mark.django_db
@pytest.mark.usefixtures("pipeline", "published")
@pytest.mark.parametrize(
    ("text", "data"),
    [
        (chat(RENDERED), {}),
        ("Where is my order?", {}),  # what stood before the question was not sent along
        (chat(OTHER), {"version": "9"}),
        (chat(OTHER), {"version": ""}),
        (chat(OTHER), {"kind": "tool"}),
        ("", {}),
    ],
    ids=["used", "bare question", "unknown version", "no version", "no call", "no content"],
)
def test_a_session_is_silent_about_what_it_cannot_tell(alpha, bob_client, text, data):
    send(alpha, text, **data)

    assert ask(bob_client).content.strip() == b""


@pytest.mark.django_db
@pytest.mark.usefixtures("pipeline", "published")
def test_only_the_first_events_of_a_session_are_looked_at(alpha, bob_client):
    send(alpha, *[chat(OTHER)] * (EVENTS_LOOKED_AT + 5))

    assert ask(bob_client).context["found"][0].n_tagged == EVENTS_LOOKED_AT


@pytest.mark.django_db
@pytest.mark.usefixtures("pipeline", "published")
def test_prompts_and_sessions_of_others_are_not_looked_at(alpha, beta, bob_client, charlie_client):
    send(beta, chat(OTHER))
    assert ask(bob_client).content.strip() == b""  # alpha has no such session
    assert charlie_client.get("/p/beta/stale-prompt-tags/?session=s/1").content.strip() == b""

    assert ask(charlie_client).status_code == 404
    assert ask(bob_client, session="a\0b").status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("pipeline", "published")
def test_names_of_spans_are_escaped(alpha, bob_client):
    send(alpha, chat(OTHER), name="<script>x</script>")

    body = ask(bob_client).content

    assert b"<script>" not in body
    assert b"&lt;script&gt;x" in body

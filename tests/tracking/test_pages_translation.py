"""Pages of what ai.matey sent: each message with its meaning, whatever strangers wrote into it."""

import json
from urllib.parse import quote

import pytest

from tests.flows import digest_all, make_sender
from tests.tracking.chats import (
    WARNINGS,
    content,
    done,
    lines,
    metadata,
    payload,
    request,
    response,
    start,
)
from tracking.models import Event

pytestmark = pytest.mark.django_db(transaction=True)

TRACE = "/p/alpha/traces/req_7Qk2/"
SESSION = "/p/alpha/sessions/session-123/"
BACKENDS = "/p/alpha/settings/capabilities/"
ALL_TIME = "?from=2026-01-01&to=2027-01-01"
NASTY = "<script>alert(1)</script>"


@pytest.fixture
def send(alpha):
    client = make_sender(alpha)

    def send_all(*items, path="/api/v1/chats"):
        for item in items:
            body = item if isinstance(item, bytes) else json.dumps(item)
            answer = client.post(path, body, content_type="application/json")
            assert answer.status_code in {200, 202}, answer.content
        digest_all()

    return send_all


def text_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def exchange(send):
    send(payload("exchange-envelope-proposed.json"))


@pytest.mark.usefixtures("exchange")
def test_the_panel_shows_the_way_of_a_request(bob_client):
    page = bob_client.get(TRACE)

    hops = [(hop.role, hop.name) for hop in page.context["translation"].hops]
    assert hops == [
        ("frontend", "openai"),
        ("middleware", "logging"),
        ("middleware", "caching"),
        ("router", "main-router"),
        ("backend", "anthropic"),
    ]
    assert page.content.decode().count('class="hop hop--') == 5


@pytest.mark.usefixtures("exchange")
def test_the_panel_shows_what_was_changed(bob_client):
    text = text_of(bob_client, TRACE)

    assert '<del class="mono">1.5</del>' in text
    assert '<ins class="mono">0.75</ins>' in text
    assert "seed dropped" in text
    assert text.count('class="ir"') == 10
    assert "maxTokens" in text
    assert "custom.logprobs" in text
    assert "get_weather" in text


@pytest.mark.usefixtures("exchange")
def test_images_are_never_loaded(bob_client):
    text = text_of(bob_client, SESSION)

    assert 'href="https://example.com/p.jpg"' in text
    assert "image/png, 8 bytes" in text
    assert "iVBORw0KGgo" not in text
    assert '<img src="https://example.com' not in text


@pytest.mark.usefixtures("exchange")
def test_the_conversation_is_the_exchange(bob_client):
    text = text_of(bob_client, SESSION)

    for said in ("Be brief.", "What is this?", "A lighthouse.", "claude-3-5-sonnet"):
        assert said in text


def test_tool_results_are_paired_and_failures_marked(bob_client, send):
    failed = json.loads(payload("chat-request-tool-result.json"))
    failed["messages"][2]["content"][0]["isError"] = True
    failed["metadata"]["custom"] = {"sessionId": "session-123"}
    send(failed)

    text = text_of(bob_client, SESSION)

    assert "4C, rain" in text
    assert text.count('class="toolcall"') == 1
    assert "failed</span>" in text


def test_a_stream_is_shown_whole_and_its_oddities_said(bob_client, send):
    broken = [start("odd"), content(2, "b"), done(3, message={"content": "x"})]
    send(payload("stream.jsonl"), lines(*broken), lines(start("cut"), content(1, "half")))

    assert "7 chunks, 2 with text" in text_of(bob_client, TRACE)
    odd = text_of(bob_client, "/p/alpha/traces/odd/")
    assert "missing 1" in odd
    assert "stream_gap" in odd
    cut = text_of(bob_client, "/p/alpha/traces/cut/")
    assert "it did not end" in cut
    assert "stream_interrupted" in cut


def test_attempts_are_below_their_request(bob_client, send):
    failed = {
        "request": request(),
        "error": {"code": "RATE_LIMIT_EXCEEDED", "message": "slow down"},
    }
    send(failed, {"request": request(), "response": response(), "durationMs": 10})

    text = text_of(bob_client, "/p/alpha/traces/req-1/?span=attempt-1")

    assert text.count('class="waterfall__row"') == 3
    assert "ai.matey request" in text
    assert "slow down" in text


@pytest.mark.usefixtures("exchange")
def test_details_of_a_session_count_what_was_changed(bob_client, send):
    send(
        json.dumps(
            {"backend": "anthropic-backend", "capabilities": {"streaming": True, "tools": True}}
        ).encode()
    )

    page = bob_client.get(f"{SESSION}?view=details")

    text = page.content.decode()
    assert len(page.context["ir_warnings"]) == 10
    assert "model-substituted" in text
    assert f'href="{TRACE}?span=attempt-1"' in text
    assert "main-router" in text
    assert "temperature" in text
    assert page.context["backend_names"] == ["anthropic"]


def test_a_request_beyond_its_backend_is_told(bob_client, send):
    can = json.loads(payload("capabilities.json")) | {"multiModal": False, "maxStopSequences": 0}
    send(payload("exchange-envelope-proposed.json"), {"backend": "anthropic", "capabilities": can})

    page = bob_client.get(TRACE)

    assert page.context["lints"] == [
        "seed is set, and the backend takes none.",
        "1 stop sequences are set, and the backend takes 0.",
        "gpt-4o is asked for, which is none of the backend's models.",
        "Images are sent, and the backend reads text alone.",
    ]


@pytest.mark.usefixtures("exchange")
def test_the_drift_is_counted_by_format_and_backend(bob_client):
    page = bob_client.get(BACKENDS + ALL_TIME)

    (pair,) = page.context["report"].pairs
    assert (pair.frontend, pair.backend, pair.n_answers) == ("openai", "anthropic", 1)
    assert {drift.category for drift in pair.drifts} == {
        name.removeprefix("warning-").removesuffix(".json") for name in WARNINGS
    }
    drift = next(each for each in pair.drifts if each.category == "model-substituted")
    found = text_of(bob_client, f"/p/alpha/traces/{ALL_TIME}&{drift.query}")
    assert found.count("<tr data-row>") == 1


def test_what_belongs_to_no_request_is_listed(bob_client, send):
    names = [*WARNINGS, "chunk-error.json", "chunk-tool-use.json", "chunk-content-delta.json"]
    send(*map(payload, names))

    page = bob_client.get(BACKENDS)

    text = page.content.decode()
    assert len(page.context["orphans"]) == 13
    assert "STREAM_INTERRUPTED socket closed" in text
    assert "prompt is too long" in text
    assert "lighthouse." in text


def test_a_span_of_its_middleware_leads_to_the_exchange(bob_client, send):
    send(payload("otlp-ai-matey-request.json"), path="/v1/traces")
    path = "/p/alpha/traces/6bf92f3577b34da6a3ce929d0e0e4736/"

    page = bob_client.get(path)

    span = page.context["span"]
    assert (span.kind, span.provider, span.model) == ("llm", "anthropic", "gpt-4o")
    assert (span.tokens.input, span.tokens.output, span.finish_reason) == (812, 6, "stop")
    assert [hop.name for hop in page.context["translation"].hops] == ["openai", "anthropic"]
    assert f'href="{TRACE}"' not in page.content.decode()

    send(payload("exchange-envelope-proposed.json"))

    assert f'href="{TRACE}"' in text_of(bob_client, path)


def test_an_event_shows_what_was_changed(alpha, bob_client, send):
    send(payload("warning-parameter-clamped.json"))
    event = Event.objects.get(project_id=alpha.pk)
    at = quote(event.occurred_at.isoformat())

    text = text_of(bob_client, f"/p/alpha/events/{event.id}/?at={at}")

    assert '<del class="mono">1.4</del>' in text
    assert '<ins class="mono">1.0</ins>' in text


def test_the_speed_of_an_answer_is_told(bob_client, send):
    usage = {"promptTokens": 1, "completionTokens": 30}
    answered = {"request": request(), "response": response(usage=usage)}
    send({**answered, "durationMs": 700, "ttftMs": 100})

    text = text_of(bob_client, "/p/alpha/traces/req-1/")

    assert "50.0 tokens a second" in text
    assert "first token 100 ms" in text


def test_capabilities_are_a_matrix(bob_client, send):
    can = json.loads(payload("capabilities.json"))
    send(
        {"backend": "anthropic", "capabilities": can},
        {
            "backend": "ollama",
            "capabilities": {"streaming": False, "multiModal": False, "own": "x"},
        },
    )

    page = bob_client.get(BACKENDS)

    assert [backend.name for backend in page.context["backends"]] == ["anthropic", "ollama"]
    matrix = {row.key: [cell.text for cell in row.cells] for row in page.context["matrix"]}
    assert matrix["streaming"] == ["yes", "no"]
    assert matrix["maxContextTokens"] == ["200,000", ""]
    assert matrix["supportedModels"] == ["claude-3-5-sonnet", ""]
    assert matrix["own"] == ["", "x"]


def test_an_empty_page_says_what_to_send(bob_client):
    text = text_of(bob_client, BACKENDS)

    assert "/api/v1/chats" in text
    assert "No backend has told what it can do" in text


def test_the_curl_line_of_the_empty_page_is_an_exchange(bob_client, send):
    text = text_of(bob_client, BACKENDS)
    line = (
        text.split(" -d &#x27;")[1].split("&#x27;")[0]
        if " -d &#x27;" in text
        else text.split(" -d '")[1].split("'")[0]
    )

    send(line.replace("&quot;", '"').encode())

    assert "Hello!" in text_of(bob_client, "/p/alpha/traces/req-1/")


def test_content_is_hostile(bob_client, send):
    warning = {
        "category": NASTY,
        "severity": NASTY,
        "message": NASTY,
        "originalValue": {NASTY: [NASTY]},
        "transformedValue": NASTY,
        "field": NASTY,
        "source": NASTY,
        "details": {NASTY: NASTY},
    }
    provenance = {"frontend": NASTY, "backend": NASTY, "middleware": [NASTY, 5], "router": NASTY}
    image = {"type": "image", "source": {"type": "url", "url": "javascript:alert(1)"}}
    asked = request(
        parameters={NASTY: NASTY},
        tools=[{"name": NASTY, "description": NASTY, "parameters": {NASTY: NASTY}}],
        messages=[{"role": "user", "content": [image]}],
    )
    said = metadata(warnings=[warning], provenance=provenance, custom={"sessionId": "s"})
    send(
        {"request": asked, "response": response(NASTY, metadata=said)},
        warning,
        {"backend": NASTY, "capabilities": {"streaming": True, NASTY: NASTY}},
    )

    for path in (
        "traces/req-1/",
        "sessions/s/",
        "sessions/s/?view=details",
        f"settings/capabilities/{ALL_TIME}",
    ):
        text = text_of(bob_client, f"/p/alpha/{path}")
        assert NASTY not in text
        assert 'href="javascript' not in text


@pytest.mark.usefixtures("exchange")
def test_pages_cost_a_fixed_number_of_statements(bob_client, send, django_assert_max_num_queries):
    for index in range(5):
        send({"request": request(), "response": response(metadata=metadata(f"req-{index}"))})

    with django_assert_max_num_queries(15):
        bob_client.get(BACKENDS + ALL_TIME)
    with django_assert_max_num_queries(15):
        bob_client.get(TRACE)
    with django_assert_max_num_queries(15):
        bob_client.get(f"{SESSION}?view=details")

"""Fallom's paths through the real door: what its clients hear, what is stored, what pages show."""

import datetime
import json

import pytest
from django.utils import timezone

from tests.flows import digest_all, drift_of, status_of
from tests.tracking.adapters.fallom_samples import PAYLOADS, load
from tracking.models import ArmSeen, Document, Event, InboxBatch, Session, SessionMetric

pytestmark = pytest.mark.usefixtures("pipeline")
TRACES = ["/v1/traces", "/v1/traces/", "/fallom/v1/traces", "/fallom/v1/traces/"]
SESSION = "session-123"


def recent(sample, /, **fields):
    """A sample as if it had been sent a minute ago."""
    span = load(sample) | fields
    start = timezone.now() - datetime.timedelta(minutes=1)
    end = start + datetime.timedelta(milliseconds=span["duration_ms"])
    return {**span, "start_time": start.isoformat(), "end_time": end.isoformat()}


def post(client, path, body, **headers):
    body = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(path, body, content_type="application/json", headers=headers)


def send_metrics(client, path="/fallom/spans", session=SESSION, **data):
    body = {"config_key": "support-agent", "session_id": session, "data": data}
    answer = post(client, path, body)
    assert answer.status_code == 202, answer.content
    return answer.json()


def metrics_of(project):
    rows = SessionMetric.objects.filter(project_id=project.pk, session_id=SESSION)
    return {row.name: (row.n, row.total, row.last) for row in rows}


@pytest.mark.parametrize("path", TRACES)
def test_a_flat_span_is_taken_and_understood(alpha, sender, path):
    answer = post(sender, path, recent("trace-openai-chat"))
    digest_all()

    assert (answer.status_code, answer.content) == (200, b"{}")
    session = Session.objects.get(project_id=alpha.pk)
    assert (session.session_id, session.user_id, session.n_llm) == (SESSION, "user-456", 1)
    assert (session.tokens_in, session.tokens_out) == (88, 17)
    assert session.cost_nano > 0
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("path", TRACES)
def test_otlp_with_headers_is_taken_on_the_same_paths(alpha, sender, path):
    now_ns = int(timezone.now().timestamp() * 1e9)
    body = (PAYLOADS / "otlp-mastra-export.json").read_text()
    body = body.replace("1772615700000000000", str(now_ns - 10**9))
    body = body.replace("1772615701400000000", str(now_ns))
    sent = {k: v for k, v in load("otlp-mastra-headers").items() if k.startswith("X-Fallom")}

    answer = post(sender, path, body, **sent)
    digest_all()

    assert (answer.status_code, answer.content) == (200, b"{}")
    session = Session.objects.get(project_id=alpha.pk)
    assert (session.session_id, session.user_id) == (SESSION, "user-456")
    event = Event.objects.get(project_id=alpha.pk)
    assert (event.config_key, event.prompt_key, event.prompt_version) == (
        *("my-agent", "onboarding", "2"),
    )


def test_every_sample_is_stored_and_adds_up(alpha, sender):
    names = sorted(path.stem for path in PAYLOADS.glob("trace-*.json"))

    answers = [post(sender, "/fallom/v1/traces", recent(name)).status_code for name in names]
    digest_all()

    assert answers == [200] * len(names)
    status = status_of(alpha)
    assert (status.stored_events, status.quarantined, status.rejected_events) == (len(names), 0, 0)
    assert drift_of(alpha.pk) == []


def test_sending_a_span_again_changes_nothing(alpha, sender):
    span = recent("trace-anthropic")

    for _ in range(2):
        post(sender, "/fallom/v1/traces", span)
        digest_all()

    assert (status_of(alpha).stored_events, status_of(alpha).duplicate_events) == (1, 1)
    assert Session.objects.get(project_id=alpha.pk).tokens_in == 61


def test_a_prompt_test_is_an_experiment_of_the_session(alpha, sender):
    post(sender, "/fallom/v1/traces", recent("trace-openai-chat"))
    digest_all()

    arms = ArmSeen.objects.filter(project_id=alpha.pk).values_list("experiment", "variant")
    assert list(arms) == [("onboarding-test", "1")]


def test_what_cannot_be_read_is_refused_in_words(alpha, sender):
    answer = post(sender, "/fallom/v1/traces", '{"trace_id": "1", ')

    assert answer.status_code == 400
    assert "not JSON" in answer.json()["message"]
    assert InboxBatch.objects.count() == 0


@pytest.mark.parametrize("path", ["/fallom/v1/traces", "/fallom/spans"])
def test_an_unknown_key_is_refused(client, path):
    answer = post(client, path, recent("trace-error"), authorization="Bearer no-such-key")

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/fallom/", "/fallom/v1/nothing", "/fallom/v2/traces"])
def test_paths_that_are_not_there_are_not_found_and_lead_nowhere(sender, path):
    assert sender.get(path).status_code == 404


class TestMetrics:
    @pytest.mark.parametrize("path", ["/fallom/spans", "/fallom/spans/"])
    def test_a_sessions_own_numbers_are_its_metrics(self, alpha, sender, path):
        body = (PAYLOADS / "spans-custom-metrics.json").read_bytes()

        answer = post(sender, path, body)
        digest_all()

        assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
        assert metrics_of(alpha) == {
            "outlier_score": (1, 0.8, 0.8),
            "engagement": (1, 42.0, 42.0),
            "converted": (1, 1.0, 1.0),
        }
        assert drift_of(alpha.pk) == []

    def test_the_latest_value_replaces_the_earlier_one(self, alpha, sender):
        send_metrics(sender, score=1, clicks=3)
        digest_all()
        send_metrics(sender, score=5)
        digest_all()

        assert metrics_of(alpha) == {"score": (1, 5.0, 5.0), "clicks": (1, 3.0, 3.0)}
        assert Event.objects.filter(project_id=alpha.pk).count() == 1
        assert drift_of(alpha.pk) == []

    def test_a_value_said_again_after_another_counts_again(self, alpha, sender):
        for score in (1, 2, 1):
            send_metrics(sender, score=score)
        digest_all()

        assert metrics_of(alpha)["score"] == (1, 1.0, 1.0)

    def test_order_and_batches_of_digestion_do_not_matter(self, alpha, sender):
        for score in (4, 7):
            send_metrics(sender, score=score)
        late, early = InboxBatch.objects.order_by("-id")
        early_row = {f.name: getattr(early, f.name) for f in InboxBatch._meta.fields}
        early.delete()
        digest_all()
        InboxBatch.objects.create(**early_row)
        digest_all()

        assert metrics_of(alpha)["score"] == (1, 7.0, 7.0)
        assert drift_of(alpha.pk) == []

    def test_they_join_the_spans_of_their_session(self, alpha, sender):
        post(sender, "/fallom/v1/traces", recent("trace-openai-chat"))
        send_metrics(sender, outlier_score=0.8)
        digest_all()

        session = Session.objects.get(project_id=alpha.pk)
        assert (session.n_spans, session.n_points, session.n_traces) == (1, 1, 1)
        assert Document.objects.get(project_id=alpha.pk).system == "fallom-spans"

    def test_a_session_that_is_numbered_is_the_one_of_its_spans(self, alpha, sender):
        post(sender, "/fallom/v1/traces", recent("trace-openai-chat", session_id=4711))
        send_metrics(sender, session=4711, score=0.5)
        digest_all()

        session = Session.objects.get(project_id=alpha.pk)
        assert (session.session_id, session.n_spans, session.n_points) == ("4711", 1, 1)

    def test_what_is_missing_is_named(self, sender):
        answer = post(sender, "/fallom/spans", {"config_key": "c", "data": {"n": 1}})

        assert answer.status_code == 400
        assert '"session_id" must be a text' in answer.json()["detail"]


class TestPages:
    def test_a_session_reads_as_a_conversation(self, sender, bob_client):
        post(sender, "/fallom/v1/traces", recent("trace-vercel-generate-text"))
        send_metrics(sender, outlier_score=0.8)
        digest_all()

        page = bob_client.get(f"/p/alpha/sessions/{SESSION}/").content.decode()

        assert "Weather?" in page
        assert "Sunny." in page
        assert "weather" in page
        assert "outlier_score" in page

    def test_a_tool_that_langchain_ran_is_paired_with_its_call(self, sender, bob_client):
        for name in ("trace-langchain-llm", "trace-langchain-tool"):
            post(sender, "/fallom/v1/traces", recent(name))
        digest_all()

        page = bob_client.get(f"/p/alpha/sessions/{SESSION}/").content.decode()

        assert page.count("toolcall__head") == 1
        assert "none" in page

    def test_a_span_shows_what_was_sent(self, sender, bob_client):
        span = recent("trace-anthropic")
        post(sender, "/fallom/v1/traces", span)
        digest_all()

        page = bob_client.get(f"/p/alpha/traces/{span['trace_id']}/").content.decode()

        for text in ("Weather in Oslo?", "Checking.", "tool_use", "fallom.raw.usage"):
            assert text in page

    def test_the_phases_of_a_call_are_bars(self, sender, bob_client):
        span = recent("trace-vercel-generate-text")
        post(sender, "/fallom/v1/traces", span)
        digest_all()

        page = bob_client.get(f"/p/alpha/traces/{span['trace_id']}/").content.decode()

        assert page.count("phases__row") == 3
        assert "LLM Call 2 → Final Response" in page

    def test_a_fault_of_the_client_is_explained(self, sender, bob_client):
        message = "Object of type ToolUseBlock is not JSON serializable"
        span = recent("trace-error", error_message=message)
        post(sender, "/fallom/v1/traces", span)
        digest_all()

        page = bob_client.get(
            f"/p/alpha/traces/{span['trace_id']}/?span={span['span_id']}"
        ).content.decode()

        assert "the model may well have answered" in page

    def test_content_is_shown_as_text(self, sender, bob_client):
        attack = "<script>alert(1)</script>"
        attributes = {
            "fallom.method": "chat.completions.create",
            "fallom.raw.request": json.dumps({"messages": [{"role": "user", "content": attack}]}),
            "fallom.raw.response": json.dumps({"text": attack, "finishReason": attack}),
        }
        span = recent("trace-openai-chat", name=attack, attributes=attributes)
        post(sender, "/fallom/v1/traces", span)
        digest_all()

        for path in (f"sessions/{SESSION}/", f"traces/{span['trace_id']}/"):
            assert attack not in bob_client.get(f"/p/alpha/{path}").content.decode()

    def test_the_config_is_shown_and_filtered_by(self, sender, bob_client, api):
        span = recent("trace-anthropic")
        post(sender, "/fallom/v1/traces", span)
        digest_all()

        shown = bob_client.get(f"/p/alpha/traces/{span['trace_id']}/").content.decode()
        assert "<dt>Config</dt><dd>support-agent</dd>" in shown
        assert "config=support-agent" in bob_client.get(f"/p/alpha/sessions/{SESSION}/").text
        for config, found in (("support-agent", 1), ("other", 0)):
            for listed in ("sessions", "traces", "spans"):
                rows = api.get(f"/api/v1/{listed}", {"config": config}).json()["results"]
                assert len(rows) == found, (config, listed)
        assert api.get("/api/v1/sessions").json()["results"][0]["configs"] == ["support-agent"]

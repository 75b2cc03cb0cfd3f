"""What the doors of Fallom's clients take for what, and what they refuse."""

import json

import msgspec
import pytest

from tests.tracking.adapters.fallom_samples import PAYLOADS, RECEIPT, load, map_body
from tests.tracking.adapters.otlp_building import json_request, make_request, make_span
from tracking.adapters import fallom, fallom_metrics, trace_bodies
from tracking.adapters.otlp_remap import differs, remap_span
from tracking.events import BadBodyError, Receipt

SPAN = load("trace-error")
OTLP = (PAYLOADS / "otlp-mastra-export.json").read_bytes()
HEADERS = {key.lower(): value for key, value in load("otlp-mastra-headers").items()}


def check(body, receipt=RECEIPT):
    return trace_bodies.check(body, json=True, receipt=receipt)


def read(body, receipt=RECEIPT):
    return trace_bodies.read(body, json=True, receipt=receipt)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (json.dumps(SPAN), True),
        (json.dumps(SPAN, indent=2), True),
        (json.dumps([SPAN, SPAN]), True),
        (json.dumps({**SPAN, "attributes": {"note": "resourceSpans"}}), True),
        (json.dumps({**SPAN, "attributes": {"resourceSpans": []}}), True),
        ('{"span_id": "1"}', True),
        (OTLP.decode(), False),
        (json_request(make_request(make_span({"trace_id": "x"}))).decode(), False),
        (json.dumps({"a": [{"trace_id": 1}], "resourceSpans": []}), False),
        (json.dumps({**SPAN, "resourceSpans": []}), False),
        ('{"resource_spans": [{"scope_spans": [{"spans": [{"trace_id": "1"}]}]}]}', False),
        ("{}", False),
        ("", False),
        ('{"name": "x"}', False),
        ('{"config_key": "c", "name": "x"}', True),
        ('{"config_key": "c", "resourceSpans": []}', False),
    ],
)
def test_the_top_of_a_body_tells_what_it_is(body, wanted):
    assert fallom.is_flat(body.encode()) is wanted


def test_hints_of_otlp_are_still_given():
    with pytest.raises(BadBodyError, match="lowerCamelCase"):
        check(b'{"resource_spans": [{"scope_spans": [{"spans": [{"trace_id": "1"}]}]}]}')


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"trace_id": "1", ', "not JSON: .* at line 1, column 18"),
        (b'{"trace_id": "", "span_id": null}', "trace_id and span_id are missing"),
        (b'["trace_id", "span_id"]', "a span is an object"),
        (b'{"trace_id": "1", "trace_id": "2"}', "the key 'trace_id' appears twice"),
        (b'{"trace_id": "1", "x": ' + b"[" * 120 + b"]" * 120 + b"}", "more than 100 levels"),
    ],
)
def test_a_body_that_is_none_is_refused_with_its_reason(body, message):
    with pytest.raises(BadBodyError, match=message):
        check(body)


def test_a_bad_span_costs_no_neighbour():
    body = json.dumps([SPAN, {"name": "no ids"}, "text", {**SPAN, "span_id": "2"}]).encode()

    n_items, rejections = check(body)
    batch = read(body)

    assert (n_items, [(r.index, r.code) for r in rejections]) == (
        4,
        [(1, "ids_missing"), (2, "not_an_object")],
    )
    assert batch.rejections == rejections
    assert [event.span_id for event in batch.events] == [SPAN["span_id"], "2"]


def test_a_span_before_the_horizon_is_counted_as_expired():
    late = Receipt(received_us=RECEIPT.received_us, horizon_us=RECEIPT.received_us)

    n_items, rejections = check(json.dumps(SPAN).encode(), late)

    assert (n_items, [r.code for r in rejections]) == (1, ["expired"])
    assert read(json.dumps(SPAN).encode(), late).rejections == rejections


def test_a_span_without_any_id_is_kept():
    ids = ("trace_id", "span_id")
    body = json.dumps({key: value for key, value in SPAN.items() if key not in ids}).encode()

    event, again = map_body(body), map_body(body)

    assert set(event.warnings) == {"trace_id_missing", "span_id_missing"}
    assert (event.trace_id, event.span_id) == (again.trace_id, again.span_id)
    assert event.span_id == event.trace_id[:16] != ""


@pytest.mark.parametrize("missing", ["trace_id", "span_id"])
def test_an_id_that_is_missing_is_made_of_the_content(missing):
    body = json.dumps({key: value for key, value in SPAN.items() if key != missing}).encode()

    event = map_body(body)

    assert event.warnings == (f"{missing}_missing",)
    assert (len(event.trace_id), len(event.span_id)) == (32, 16)
    assert event.id == map_body(body).id


def test_ids_are_written_as_otlp_writes_them():
    event = map_body(json.dumps({**SPAN, "trace_id": SPAN["trace_id"].upper()}).encode())

    assert event.trace_id == SPAN["trace_id"]


def test_what_postgresql_refuses_costs_its_field():
    body = json.dumps({**SPAN, "customer_id": "a\x00b\ud800", "x": float("nan")}).encode()

    event = map_body(body)

    assert event.user_own == "a\ufffdb\ufffd"
    assert "number_as_text" in event.warnings


class TestHeaders:
    def read_one(self, body=OTLP, headers=HEADERS, *, as_json=True):
        receipt = msgspec.structs.replace(RECEIPT, headers=headers)
        batch = trace_bodies.read(body, json=as_json, receipt=receipt)
        assert batch.failures == []
        return batch.events[0]

    def test_they_tell_what_spans_do_not(self):
        event = self.read_one()

        assert (event.session_own, event.user_own, event.config_key) == (
            *("session-123", "user-456", "my-agent"),
        )
        assert (event.prompt_key, event.prompt_version) == ("onboarding", "2")
        assert event.arms == (("onboarding-test", "1"),)

    def test_a_span_read_again_still_knows_them(self):
        event = self.read_one()

        again = remap_span(event, event.payload, {})

        assert not differs(event, again)
        assert again.payload == event.payload

    def test_numbers_that_are_numbers_are_read(self):
        assert self.read_one().tokens_in == 12

    def test_kinds_are_renumbered(self):
        assert (self.read_one().payload.extra or {})["kind"] == 1
        other = OTLP.replace(b'"kind": 0', b'"kind": 2')
        assert (self.read_one(other).payload.extra or {})["kind"] == 3

    def test_without_them_otlp_is_otlp(self):
        event = self.read_one(headers={"user-agent": "x"})

        assert (event.session_own, event.arms) == ("", ())
        assert "kind" not in (event.payload.extra or {})

    def test_protobuf_has_otlps_own_kinds(self):
        body = make_request(make_span({"session.id": "own"}, kind=3)).SerializeToString()
        receipt = Receipt(2_000_000_000_000_000, 0, HEADERS)

        event = trace_bodies.read(body, json=False, receipt=receipt).events[0]

        assert (event.session_own, event.user_own) == ("own", "user-456")
        assert (event.payload.extra or {})["kind"] == 3

    def test_the_prompt_belongs_to_calls_and_the_root(self):
        spans = [
            make_span({"gen_ai.operation.name": "execute_tool"}, parent_span_id=b"12345678"),
            make_span(
                {"gen_ai.operation.name": "chat", "gen_ai.prompt.name": "own"},
                parent_span_id=b"12345678",
            ),
            make_span({"gen_ai.operation.name": "invoke_agent"}),
        ]
        body = make_request(*spans).SerializeToString()
        receipt = Receipt(2_000_000_000_000_000, 0, HEADERS)

        events = trace_bodies.read(body, json=False, receipt=receipt).events

        assert [event.prompt_key for event in events] == ["", "own", "onboarding"]
        assert [bool(event.arms) for event in events] == [False, True, True]

    def test_letters_beyond_latin_are_read(self):
        sent = "séance-世界".encode().decode("latin-1")

        assert self.read_one(headers={"x-fallom-session-id": sent}).session_own == "séance-世界"

    @pytest.mark.parametrize("lost", ["[object Object]", "[object Object],[object Object]"])
    def test_objects_that_javascript_lost_are_told(self, lost):
        span = make_span({"gen_ai.input.messages": lost})

        event = self.read_one(json_request(make_request(span)))

        assert "content_not_serialised" in event.warnings


class TestMetrics:
    def read_parts(self, *bodies, received_us=RECEIPT.received_us, headers=None):
        parts = []
        for place, body in enumerate(bodies):
            receipt = Receipt(received_us + place, 0, headers or {})
            parts += fallom_metrics.read(json.dumps(body).encode(), receipt=receipt).parts
        return parts

    def said(self, **data):
        return {"config_key": "c", "session_id": "s", "data": data}

    def derive(self, *data):
        parts = self.read_parts(*(self.said(**each) for each in data))
        return fallom_metrics.derive(parts[0].key, parts)

    def test_the_latest_value_of_a_field_counts(self):
        derived = self.derive({"score": 1, "n": 5}, {"score": 2})

        assert [event.metrics for event in derived.events] == [(("n", 5.0), ("score", 2.0))]
        assert derived.events[0].occurred_us == RECEIPT.received_us + 1

    def test_a_value_said_again_after_another_counts_again(self):
        assert self.derive({"n": 1}, {"n": 2}, {"n": 1}).events[0].metrics == (("n", 1.0),)

    def test_items_of_one_request_count_in_their_order(self):
        said = [self.said(n=9), self.said(n=1)]

        parts = self.read_parts(said)

        assert fallom_metrics.derive("k", parts[::-1]).events[0].metrics == (("n", 1.0),)

    def test_truths_are_numbers_and_texts_are_to_filter_by(self):
        data = {"converted": True, "plan": "pro", "nested": {"a": 1}, "none": None, "big": 1e200}

        (event,) = self.derive(data).events

        assert event.metrics == (("converted", 1.0),)
        assert json.loads(event.metadata) == {"plan": "pro"}
        assert event.payload.attributes == data

    def test_it_belongs_to_its_session_and_config(self):
        (event,) = self.derive({"n": 1}).events

        assert (event.session_own, event.config_key, event.trace_id) == ("s", "c", "session:s")
        assert event.duration_us is None

    def test_configs_of_a_session_are_apart(self):
        parts = self.read_parts(self.said(n=1), {**self.said(n=2), "config_key": "d"})

        assert len({part.key for part in parts}) == 2

    def test_the_same_request_read_again_is_the_same_part(self):
        assert self.read_parts(self.said(n=1)) == self.read_parts(self.said(n=1))

    def test_an_idempotency_key_makes_requests_one(self):
        headers = {"idempotency-key": "k1"}

        first, second = self.read_parts(self.said(n=1), self.said(n=1), headers=headers)

        assert first.body == second.body

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"session_id": "s", "config_key": "c"}, '"data" must be an object'),
            ({"session_id": "", "data": {}}, '"session_id" must be a text'),
            ([], None),
            (7, "metrics are an object"),
        ],
    )
    def test_what_is_none_is_refused_with_its_reason(self, body, message):
        encoded = json.dumps(body).encode()

        if message is None:
            assert fallom_metrics.check(encoded, receipt=RECEIPT) == (0, [])
            return
        with pytest.raises(BadBodyError, match=message):
            fallom_metrics.check(encoded, receipt=RECEIPT)

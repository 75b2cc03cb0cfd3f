"""What is found and masked, and what is left alone."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.tracking.incoming import make_event
from tracking.events import Part, Payload
from tracking.mask_patterns import FINDERS, find_cards, find_emails, find_secrets, may_hold
from tracking.mask_settings import PatternError, check_settings, compile_own, masker_of
from tracking.masking import Masker

ALL = Masker(list(FINDERS), {})
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
SECRETS = [
    "sk-proj-abcdEFGH1234abcdEFGH1234",
    "sk-ant-api03-aaaaBBBBccccDDDD1111",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "glpat-abcdefghijklmnopqrst",
    "xoxb-123456789012-abcdefghijkl",
    "AIza" + "a1B2c3D" * 5,
    "hf_" + "aB3" * 11,
    "npm_" + "a1B2" * 9,
    "ak_0123abcd_" + "0f" * 32,
    JWT,
    "Bearer abcDEF123456ghiJKL",
    "lsv2_pt_0123456789abcdef0123456789abcdef_0123456789",
    "pplx-0123456789abcdef0123456789abcdef",
    "nvapi-abcDEF0123456789abcDEF",
    "tgp_v1_abcDEF0123456789abcDEF",
    "dapi" + "0a" * 16,
    "123456789:AA" + "a1B2c3D" * 4 + "a1B2c",
    "SK" + "0f" * 16,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1234567890\n-----END RSA PRIVATE KEY-----",
]
# Of these a part alone: (text, masked).
WITHIN = [
    ("OPENAI_API_KEY=0123456789abcdef0123 python app.py", "OPENAI_API_KEY=[secret] python app.py"),
    ("GET /v1?api_key=a1b2c3d4e5f6&page=2", "GET /v1?api_key=[secret]&page=2"),
    ("Authorization: Basic dXNlcjpwYXNzMQ==", "Authorization: Basic [secret]"),
    ("password: 'hunter2-hunter2' failed", "password: '[secret]' failed"),
    (r"said {\"client_secret\": \"a1b2c3d4e5\"}", r"said {\"client_secret\": \"[secret]\"}"),
    ("connect postgresql://app:s3cr3t@db:5432/x", "connect postgresql://app:[secret]@db:5432/x"),
]
NO_SECRETS = [
    "the password: correct, then go on",
    "api_key: string, required",
    "http://localhost:8000/path@2",
    *("sk-short", "task-forces-are-all-over-the-place-now", "Bearer of good news, again"),
]
EMAILS = ["ada@example.com", "ada.l+tag@mail.example.co.uk", "o'brien_1@ex-ample.org"]
NO_EMAILS = ["@ada", "ada@localhost", "a @ b.com", "ssh git@host:repo", "@decorator.name"]
CARDS = ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"]
NO_CARDS = ["4111111111111112", "1732200000000000000", "12345678901234", "4111111111111111000000"]


@pytest.mark.parametrize("secret", SECRETS)
def test_it_masks_secrets(secret):
    text, found = ALL.mask_text(f"use {secret} now")

    assert text == "use [secret] now"
    assert found == {"secret": 1}


@pytest.mark.parametrize(("text", "masked"), WITHIN)
def test_it_masks_what_is_set_to_the_name_of_a_secret(text, masked):
    assert ALL.mask_text(text) == (masked, {"secret": 1})
    assert may_hold(frozenset({"secret"}))(json.dumps({"t": text}).encode()) is not None


@pytest.mark.parametrize("email", EMAILS)
def test_it_masks_addresses(email):
    assert ALL.mask_text(f"write to <{email}>, please")[0] == "write to <[email]>, please"


@pytest.mark.parametrize("card", CARDS)
def test_it_masks_card_numbers(card):
    assert ALL.mask_text(f"card: {card}.")[0] == "card: [card]."


@pytest.mark.parametrize("text", [*NO_SECRETS, *NO_EMAILS, *NO_CARDS])
def test_it_leaves_what_only_looks_like_it(text):
    assert ALL.mask_text(text) == (text, {})


@pytest.mark.parametrize("text", [*SECRETS, *EMAILS, *CARDS])
@pytest.mark.parametrize("wrap", [lambda t: t, json.dumps, lambda t: json.dumps(json.dumps([t]))])
def test_the_quick_search_overlooks_nothing(text, wrap):
    assert may_hold(frozenset(FINDERS))(wrap(f"line\n{text}").encode()) is not None


@given(st.text(alphabet='a1@.-_ skAKIAeyJ4\n"{}[]:,', max_size=300))
def test_what_the_finders_find_the_quick_search_hints_at(text):
    for name, find in FINDERS.items():
        if next(find(text), None):
            assert may_hold(frozenset({name}))(text.encode()) is not None


def in_protobuf(name, text):
    attribute = KeyValue(key=name, value=AnyValue(string_value=text))
    return Span(name="chat", attributes=[attribute]).SerializeToString()


@pytest.mark.parametrize("text", [*SECRETS, *EMAILS, *CARDS])
@pytest.mark.parametrize("wrap", [lambda t: t, json.dumps])
def test_one_look_at_a_protobuf_request_overlooks_nothing(text, wrap):
    assert ALL.finds_nothing(in_protobuf("note", wrap(text))) is False


@pytest.mark.parametrize("name", ["http.request.header.authorization", "db.Password", "api_key"])
def test_one_look_sees_names_of_secrets_too(name):
    assert ALL.finds_nothing(in_protobuf(name, "x")) is False
    assert ALL.finds_nothing(in_protobuf("note", json.dumps({name: "x"}))) is False


def test_one_look_tells_of_a_request_without_anything_to_mask():
    plain = in_protobuf("note", "the secret of a password is its length")

    assert ALL.finds_nothing(plain) is True
    assert Masker([], {"emp": compile_own("emp", "EMP")}).finds_nothing(plain) is False


def test_json_stays_json():
    said = json.dumps({"to": "ada@example.com", "n": [1, 2.5, None], "note": "a\nbob@example.com"})

    text, found = ALL.mask_text(said)

    assert json.loads(text) == {"to": "[email]", "n": [1, 2.5, None], "note": "a\n[email]"}
    assert found == {"email": 2}


def test_json_within_json_stays_json():
    said = json.dumps({"arguments": json.dumps({"password": "hunter2", "n": 1})})

    text, _ = ALL.mask_text(said)

    assert json.loads(json.loads(text)["arguments"]) == {"password": "[secret]", "n": 1}


def test_a_field_that_names_a_secret_is_one_whatever_it_holds():
    headers = {"http.request.header.authorization": "xyz", "llm.headers": {"x-api-key": "k"}}
    event = make_event(payload=Payload(attributes=headers))

    masked = ALL.mask_event(event)

    assert masked.payload.attributes == {
        "http.request.header.authorization": "[secret]",
        "llm.headers": {"x-api-key": "[secret]"},
    }


def test_names_of_fields_are_masked_and_stay_apart():
    said = {"ada@example.com": 1, "bob@example.com": {"n": 2}, "plain": 3}

    text, found = ALL.mask_text(json.dumps(said))

    assert json.loads(text) == {"[email]": 1, "[email] 2": {"n": 2}, "plain": 3}
    assert found == {"email": 2}


def test_own_patterns_leave_the_names_of_fields():
    masker = Masker([], {"word": compile_own("word", "prompt")})

    assert masker.mask_text('{"prompt":"a prompt"}')[0] == '{"prompt":"a [word]"}'


def test_the_name_and_the_tags_of_a_span_are_masked():
    event = make_event(name="GET /ada@example.com", tags=("of:bob@example.com", "beta"))

    masked = ALL.mask_event(event)

    assert (masked.name, masked.tags) == ("GET /[email]", ("of:[email]", "beta"))
    assert masked.warnings == ("masked",)


@pytest.mark.parametrize(
    "name", ["dbPassword", "AWS_SECRET_ACCESS_KEY", "secretKey", "x-auth-token"]
)
def test_fields_are_secrets_by_name_however_it_is_written(name):
    assert ALL.mask_text(json.dumps({name: "x"}))[0] == json.dumps(
        {name: "[secret]"}, separators=(",", ":")
    )
    assert may_hold(frozenset({"secret"}))(json.dumps({name: "x"}).encode()) is not None


def test_an_event_says_that_it_was_masked_and_how_often():
    event = make_event(
        error="ada@example.com failed",
        metadata='{"mail": "ada@example.com"}',
        user_own="ada@example.com",
        payload=Payload(
            input="card 4111111111111111",
            span_events=[["note", 1, {"text": "from bob@example.com"}]],
            extra={"kind": 3},
        ),
        warnings=("clock_ahead",),
    )

    masked = ALL.mask_event(event)

    assert masked.error == "[email] failed"
    assert json.loads(masked.metadata) == {"mail": "[email]"}
    assert masked.user_own == "ada@example.com"
    assert masked.payload.input == "card [card]"
    assert masked.payload.span_events == [["note", 1, {"text": "from [email]"}]]
    assert masked.payload.extra == {"kind": 3, "masked": {"card": 1, "email": 3}}
    assert masked.warnings == ("clock_ahead", "masked")


def test_an_event_with_nothing_to_mask_is_left_as_it_is():
    event = make_event(payload=Payload(input="Hello", attributes={"a": 1}))

    assert ALL.mask_event(event) is event


def test_ids_of_a_piece_stay_because_documents_are_put_together_by_them():
    body = {"userId": "ada@example.com", "session_id": "s@example.com", "text": "ada@example.com"}
    part = Part(system="s", key="k", body=json.dumps(body).encode(), received_us=1)

    masked = json.loads(ALL.mask_part(part).body)

    assert masked == {**body, "text": "[email]"}


def test_own_patterns_find_what_json_writes_otherwise():
    own = {"emp": compile_own("emp", r"^EMP-\d{4}$"), "name": compile_own("name", 'Zo\u00eb "Z"')}
    masker = Masker([], own)

    text, found = masker.mask_text(json.dumps({"id": "EMP-1234", "by": 'Zo\u00eb "Z"'}))

    assert json.loads(text) == {"id": "[emp]", "by": "[name]"}
    assert found == {"emp": 1, "name": 1}


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ([("Bad Name", "x")], "a name is"),
        ([("email", "x")], "the name of another"),
        ([("a", "x"), ("a", "y")], "the name of another"),
        ([("a", "(")], "a: missing"),
        ([("a", r"(x)\1")], "a: invalid"),
        ([("a", "x*")], "matches the empty text"),
        ([("a", "x" * 301)], "1 to 300"),
        ([("a", "((((x{100}){100}){100}){100})")], "a: "),
        ([(f"a{n}", "x") for n in range(21)], "At most 20"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_the_reason(own, message):
    with pytest.raises(PatternError, match=message):
        check_settings([], own)


def test_nothing_is_masked_by_nobodys_wish():
    assert masker_of(check_settings([], [])) is None


HOSTILE = {
    "digits": "4" * 200_000,
    "ats": "a@" * 100_000,
    "dots": "@" + "a." * 100_000,
    "dashes": "sk-" + "a-" * 100_000,
    "jwt": "eyJ" + "a" * 100_000 + "." + "eyJ" * 50_000,
    "pem": "-----BEGIN PRIVATE KEY-----" * 10_000,
    "spaces": "Bearer " * 50_000,
    "braces": "[" * 200_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("find", [find_secrets, find_emails, find_cards])
def test_the_cost_of_hostile_text_grows_with_its_length_alone(text, find):
    def steps(length):
        times = []
        for _ in range(3):  # the least: a collection of garbage may fall into any one
            started = time.process_time()
            list(find(text[:length]))
            times.append(time.process_time() - started)
        return min(times)

    small, large = max(steps(20_000), 0.002), steps(200_000)

    assert large < small * 60  # ten times the text; squared it would be a hundred times


def test_an_own_pattern_cannot_take_long_whatever_it_says():
    masker = Masker([], {"evil": compile_own("evil", r"(a+)+$|(a|a)*b")})
    started = time.process_time()

    masker.mask_text("a" * 100_000 + "!")

    assert time.process_time() - started < 5

"""What leaves a run again, byte by byte: Dogpile's canonical JSON as JavaScript writes it."""

import json
import re
import shutil
import subprocess

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking.dogpile_runs import RECEIVED_US, RUN_ID
from tracking.adapters.dogpile import check, derive_run, read
from tracking.adapters.dogpile.building import build_run
from tracking.adapters.dogpile.ecmascript import stringify
from tracking.events import Receipt

# As ``stableJsonStringify`` of bubstack/dogpile 0.3.1 does it: objects copied in sorted order.
CANONICAL = """
const canonical = (v) => Array.isArray(v) ? v.map(canonical)
  : typeof v === "number" ? (Object.is(v, -0) ? 0 : Number.isFinite(v) ? v : null)
  : v === null || typeof v !== "object" ? v
  : Object.fromEntries(Object.keys(v).sort().map((key) => [key, canonical(v[key])]));
const bodies = JSON.parse(require("fs").readFileSync(0, "utf8"));
const written = bodies.map((body) => JSON.stringify(canonical(JSON.parse(body))));
process.stdout.write(JSON.stringify(written));
"""

texts = st.text(
    st.characters(codec=None) | st.sampled_from("\ud83d\ude00\U0010f7ff\U0010f800\0\x7f\u2028")
)
numbers = st.floats() | st.integers(-(2**53), 2**53)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts | st.integers(0, 2**33).map(str), inner),
    max_leaves=20,
)


def trace_of(value):
    """A trace as a client would write it: any JSON where Dogpile does not look into."""
    rest = json.dumps(value, ensure_ascii=False)
    rest = re.sub("[\ud800-\udfff]", lambda half: rf"\u{ord(half[0]):04X}", rest)
    return f'{{"runId": "{RUN_ID}", "schemaVersion": "1.0", "events": [], "x": {rest}}}'


def export(body):
    receipt = Receipt(RECEIVED_US, 1)
    sent = body.encode() if isinstance(body, str) else body
    assert check(sent, receipt=receipt) == (1, [])
    parts = read(sent, receipt=receipt).parts
    assert derive_run(RUN_ID, parts).summary["has_trace"]
    run = build_run(RUN_ID, parts, open_body=msgspec.json.decode)
    return stringify(run.trace).decode()


WRITTEN = {
    "0.000005": "0.000005",
    "1e-6": "0.000001",
    "0.0000001": "1e-7",
    "1.5e-7": "1.5e-7",
    "1.0": "1",
    "-0.0": "0",
    "-0": "0",
    "1e5": "100000",
    "1e20": "100000000000000000000",
    "1e21": "1e+21",
    "123456789012345680000": "123456789012345680000",
    "0.1": "0.1",
    "5e-324": "5e-324",
    "1.7976931348623157e308": "1.7976931348623157e+308",
    "-12.5e-9": "-1.25e-8",
    "NaN": "null",
    "1e400": "null",
    "9007199254740993": "9007199254740993",  # not as JavaScript: no digit is lost
    '{"10": 1, "9": 2, "01": 3, "a": 4, "-1": 5}': '{"9":2,"10":1,"-1":5,"01":3,"a":4}',
    '{"a": 1, "b": [], "a": {}}': '{"a":{},"b":[]}',
    r'{"\uffff": 1, "\ud83d\ude00": 2}': '{"\U0001f600":2,"\uffff":1}',
    r'"half \uD83D of \ud83d\ude00"': '"half \\ud83d of \U0001f600"',
    r'"\u0000\u001f\u007f\b\/\u2028"': '"\\u0000\\u001f\x7f\\b/\u2028"',
    r'"\udbfe\udc00\udbfd\udfff\udbff\udfff\ud800"': '"\U0010f800\U0010f7ff\U0010ffff\\ud800"',
}


@pytest.mark.parametrize(("sent", "written"), WRITTEN.items(), ids=range(len(WRITTEN)))
def test_it_is_written_as_javascript_writes_it(sent, written):
    body = f'{{"schemaVersion": "1.0", "x": {sent}, "events": [], "runId": "{RUN_ID}"}}'

    assert export(body) == (
        f'{{"events":[],"runId":"{RUN_ID}","schemaVersion":"1.0","x":{written}}}'
    )


def test_half_a_character_is_shown_as_the_replacement_character():
    body = rb'{"schemaVersion": "1", "runId": "r", "events": [], "inputs": {"intent": "\ud83d!"}}'
    derived = derive_run("r", read(body, receipt=Receipt(RECEIVED_US, 1)).parts)

    assert derived.summary["intent"] == "\ufffd!"


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(value=values)
def test_what_leaves_is_what_came(value):
    """Any value comes back the same, and what came back comes back in the same bytes."""
    first = export(trace_of(value))

    assert export(first) == first
    sent = json.loads(trace_of(value), parse_constant=lambda _: None, parse_int=float)
    assert json.loads(first, parse_int=float) == sent


def test_javascript_writes_the_same_bytes():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    bodies = []

    @settings(max_examples=200, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(value=values)
    def gather(value):
        bodies.append(trace_of(value).replace("NaN", "null").replace("Infinity", "1e999"))

    gather()
    asked = json.dumps([each for each in bodies if "__proto__" not in each])
    ran = subprocess.run(
        [node, "-e", CANONICAL], input=asked, capture_output=True, check=True, text=True
    )

    for body, expected in zip(json.loads(asked), json.loads(ran.stdout), strict=True):
        assert export(body) == expected

"""Any attributes of the vendors' dialects, of any value, map without an error and come back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.adapters.otlp_building import map_one
from tests.tracking.test_vendor_dialects import LONG
from tracking.adapters.dialects import table
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.compounds import COMPOUNDS, METADATA_FAMILIES
from tracking.adapters.dialects.sealing import unseal

NAMES = st.one_of(
    st.sampled_from(sorted({*table.KEYS, *COMPOUNDS})),
    st.sampled_from(
        [*METADATA_FAMILIES, "evaluations.0.", "session.annotations.99999999999."]
    ).flatmap(
        lambda prefix: st.sampled_from(
            ["x", "name", "score", "evaluation.name", "", "assay.variant"]
        ).map(lambda suffix: prefix + suffix)
    ),
)
TEXTS = st.sampled_from(
    [
        "",
        "ERROR",
        "chat",
        LONG,
        "{}",
        "[]",
        '{"input": 5}',
        '{"anthropic": {"usage": [1]}}',
        '"',
        "[" * 3000,
    ]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=4),
    TEXTS,
    st.lists(TEXTS, max_size=3),
    st.dictionaries(st.just("$column"), TEXTS, max_size=1),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=10))
def test_any_attributes_of_vendors_map_and_come_back(attributes):
    event = map_one(attributes)

    rebuilt = unseal(rebuild_attributes(event, event.payload))
    assert repr(sorted(rebuilt.items())) == repr(sorted(attributes.items()))

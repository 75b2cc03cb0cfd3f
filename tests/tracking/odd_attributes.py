"""Names and values of attributes for properties: the vendors' own, and what nobody would send."""

from hypothesis import strategies as st

from tests.tracking.mapping_back import LONG
from tracking.adapters.dialects import table
from tracking.adapters.dialects.compounds import COMPOUNDS, METADATA_FAMILIES

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

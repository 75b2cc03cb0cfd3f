"""Any attributes of the vendors' dialects, of any value, map without an error and come back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.adapters.otlp_building import map_one
from tests.tracking.odd_attributes import NAMES, VALUES
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.sealing import unseal


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=10))
def test_any_attributes_of_vendors_map_and_come_back(attributes):
    event = map_one(attributes)

    rebuilt = unseal(rebuild_attributes(event, event.payload))
    assert repr(sorted(rebuilt.items())) == repr(sorted(attributes.items()))

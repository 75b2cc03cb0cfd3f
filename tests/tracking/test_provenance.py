"""Which attribute a span's facts were read from."""

from tracking.adapters.dialects import table
from tracking.adapters.dialects.compounds import Beyond
from tracking.adapters.dialects.provenance import LABELS, provenance_of


def test_the_best_key_that_could_be_read_is_named():
    attributes = {
        "llm.model_name": "b",
        "gen_ai.request.model": "a",
        "gen_ai.usage.input_tokens": "many",
        "llm.token_count.prompt": 5,
        "session.id": "s",
        "shop.tier": "pro",
    }

    assert provenance_of(attributes) == [
        ("Model requested", "gen_ai.request.model"),
        ("Input tokens", "llm.token_count.prompt"),
        ("Session", "session.id"),
    ]


def test_objects_tell_several_facts():
    attributes = {
        "langfuse.observation.usage_details": '{"input": 5, "output": 2}',
        "langfuse.observation.level": "ERROR",
    }

    assert provenance_of(attributes) == [
        ("Input tokens", "langfuse.observation.usage_details"),
        ("Output tokens", "langfuse.observation.usage_details"),
        ("Status", "langfuse.observation.level"),
        ("Error", "langfuse.observation.level"),
    ]


def test_a_cost_in_parts_names_the_first():
    assert provenance_of({"llm.cost.completion": 0.5, "llm.cost.prompt": 0.25}) == [
        ("Cost", "llm.cost.prompt")
    ]


def test_every_column_has_a_label():
    columns = {key.column for key in table.KEYS.values() if not key.column.startswith("variant:")}

    assert columns <= LABELS.keys()
    assert set(Beyond.__struct_fields__) - {"uncached_input", "unreasoned_output"} <= LABELS.keys()

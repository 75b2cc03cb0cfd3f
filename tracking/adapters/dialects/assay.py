"""Assay's own tags: what a sender says to Assay and to nobody else, so it comes first."""

from tracking.adapters.dialects.codecs import ASSIGNMENTS, NAME
from tracking.adapters.dialects.keys import key

KEYS = (
    key("assay.experiment", "arm:assay", NAME, bit=0),
    key("assay.variant", "variant:assay", NAME, bit=1),
    key("assay.assignments", "assignments", ASSIGNMENTS),
    key("assay.config", "config_key", NAME, bit=2),
    key("assay.config_version", "config_version", NAME),
    key("assay.prompt", "prompt_key", NAME, bit=3),
    key("assay.prompt_version", "prompt_version", NAME, bit=4),
)

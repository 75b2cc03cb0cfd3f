"""Assay's own tags: what a sender says to Assay and to nobody else, so it comes first."""

from tracking.adapters.dialects.codecs import ASSIGNMENTS, NAME
from tracking.adapters.dialects.keys import Key

KEYS = (
    Key("assay.experiment", "arm:assay", NAME, bit=0),
    Key("assay.variant", "variant:assay", NAME, bit=1),
    Key("assay.assignments", "assignments", ASSIGNMENTS),
    Key("assay.config", "config_key", NAME, bit=2),
    Key("assay.config_version", "config_version", NAME),
    Key("assay.prompt", "prompt_key", NAME, bit=3),
    Key("assay.prompt_version", "prompt_version", NAME, bit=4),
)

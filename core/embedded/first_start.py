"""How far the first start has come: a file, for those who ask before there is a database."""

import json

from core.embedded.layout import DataDir, recorded_text, replace_text


def read_state(data_dir: DataDir) -> dict[str, str]:
    """``phase``: starting, demo, failed, ready; {} when never begun.

    ``now`` dates the demo data while it is being loaded. It is set when the project is new; without
    it the loader first looks whether there is data. ``demo`` is "skipped" under ASSAY_DEMO=0.
    """
    try:
        state = json.loads(recorded_text(data_dir.bootstrap_state))
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def write_state(data_dir: DataDir, phase: str, **facts: str) -> None:
    replace_text(data_dir.bootstrap_state, json.dumps({"phase": phase, **facts}))

"""The selection of units that a URL asks for."""

from collections.abc import Mapping

from experiments.metrics import METRICS
from experiments.unit_lists import PICKS, STATES, Selection

PARAMETERS = ("variant", "metric", "pick", "state")


class SelectionError(ValueError):
    """A parameter has a value that selects nothing."""

    def __init__(self, parameter: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{parameter} must be one of: {', '.join(allowed)}.")
        self.parameter = parameter


def read_selection(parameters: Mapping[str, str]) -> Selection:
    pick = _choice(parameters, "pick", PICKS) or "all"
    return Selection(
        variant=parameters.get("variant", "").replace("\x00", ""),
        metric=_choice(parameters, "metric", tuple(METRICS)),
        pick=next(one for one in PICKS if one == pick),
        state=_choice(parameters, "state", tuple(STATES)),
    )


def asks_for_units(parameters: Mapping[str, str]) -> bool:
    return any(name in parameters for name in PARAMETERS)


def _choice(parameters: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = parameters.get(name, "")
    if value and value not in allowed:
        raise SelectionError(name, allowed)
    return value

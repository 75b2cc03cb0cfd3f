"""One line an experiment: what lists and the head of its page say of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from experiments.freshness import find_snapshot
from experiments.models import Experiment, ResultSnapshot
from experiments.results import ExecutionResult, Finding, Results, VerdictResult

# Verdict → (word beside it, tone, icon): the colour is never alone.
VERDICT_LOOKS = {
    "not_started": ("Not started", "", "clock"),
    "better": ("Winner", "good", "trophy"),
    "worse": ("Worse", "bad", "arrow-down-right"),
    "mixed": ("Mixed", "warn", "scale"),
    "untrusted": ("Don't trust", "bad", "shield-x"),
    "too_early": ("Too early", "", "clock"),
    "no_difference": ("No difference", "accent", "minus"),
    "not_measurable": ("Not measurable", "", "circle-dashed"),
    "nothing_to_compare": ("One variant", "", "circle-dashed"),
    "cannot_tell": ("Can't tell", "", "help"),
}
TOO_FEW = ("Too few", "", "circle-dashed")  # of a stopped experiment, for which it is not early
FINDING_LOOKS = {
    "ok": ("ok", "good", "check"),
    "info": ("note", "", "info-circle"),
    "warn": ("check", "warn", "alert-triangle"),
    "block": ("stop", "bad", "shield-x"),
}
# State → (tone, icon).
EXECUTION_LOOKS = {
    "running": ("accent", "player-play"),
    "complete": ("good", "check"),
    "stopped early": ("warn", "player-pause"),
    "abandoned": ("bad", "circle-x"),
}
STATUS_TONES = {"draft": "accent", "running": "good", "paused": "warn", "concluded": "accent"}


@dataclass(frozen=True, slots=True)
class Look:
    word: str
    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class HealthChip:
    finding: Finding
    look: Look

    @property
    def is_open(self) -> bool:
        return self.finding["status"] == "block"


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    experiment: Experiment
    results: Results
    verdict: VerdictResult
    look: Look
    tone: str  # of the status
    units: int
    share: float  # of the planned units, at most 1
    arms: list[str]
    health: list[HealthChip]

    @property
    def worst_finding(self) -> HealthChip | None:
        ranked = [chip for chip in self.health if chip.finding["status"] in {"block", "warn"}]
        return min(ranked, key=lambda chip: chip.finding["status"], default=None)


def build_rows(experiments: Sequence[Experiment], *, status: str = "") -> list[ExperimentRow]:
    """Experiments without results yet are left out; :func:`count_waiting` says how many."""
    return [
        build_row(experiment, experiment.snapshot)
        for experiment in experiments
        if (not status or experiment.status == status) and find_snapshot(experiment) is not None
    ]


def count_waiting(experiments: Sequence[Experiment]) -> int:
    return sum(find_snapshot(experiment) is None for experiment in experiments)


def build_row(experiment: Experiment, snapshot: ResultSnapshot) -> ExperimentRow:
    results: Results = snapshot.results
    units = sum(variant["units"] for variant in results["variants"])
    return ExperimentRow(
        experiment=experiment,
        results=results,
        verdict=results["verdict"],
        look=look_of(experiment, results["verdict"]["code"]),
        tone=STATUS_TONES.get(experiment.status, ""),
        units=units,
        share=min(units / max(results["planned_units"], 1), 1.0),
        arms=[variant["name"] for variant in results["variants"]],
        health=[
            HealthChip(finding, Look(*FINDING_LOOKS[finding["status"]]))
            for finding in results["health"]
        ],
    )


def look_of(experiment: Experiment, code: str) -> Look:
    is_over = experiment.is_stopped and code == "too_early"
    return Look(*(TOO_FEW if is_over else VERDICT_LOOKS[code]))


@dataclass(frozen=True, slots=True)
class ExecutionLine:
    started_at: datetime
    result: ExecutionResult

    @property
    def look(self) -> Look:
        return Look(self.result["status"], *EXECUTION_LOOKS[self.result["status"]])

    @property
    def differs(self) -> bool:
        """Tell whether the runs say another variant was best than was reported."""
        reported, recomputed = self.result["reported_best"], self.result["recomputed_best"]
        return None not in (reported, recomputed) and reported != recomputed

    @property
    def is_lacking(self) -> bool:
        """Tell whether fewer runs were seen than the execution says it had."""
        reported = (self.result["successes"] or 0) + (self.result["failures"] or 0)
        seen = self.result.get("runs")  # results of older code have none
        return seen is not None and seen < reported


def list_executions(results: Results) -> list[ExecutionLine]:
    return [
        ExecutionLine(datetime.fromisoformat(execution["started_at"]), execution)
        for execution in results["executions"]
    ]

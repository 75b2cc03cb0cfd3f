"""The shape of results: stored as a snapshot, sent by the API, drawn by the pages."""

from typing import NotRequired, TypedDict

Pair = tuple[float, float] | list[float]


class ArmSums(TypedDict, total=False):
    n: int
    successes: int
    total: float
    squares: float


class ArmResult(TypedDict):
    """One arm of one metric; ``n`` are mature units with a value, ``missing`` those without."""

    variant: str
    n: int
    missing: int
    mean: float | None
    ci: Pair | None  # of the mean itself, at this look
    low: float | None
    high: float | None
    p50: float | None
    p95: float | None
    sums: ArmSums


class ComparisonResult(TypedDict):
    """A variant against the control. ``p_adjusted`` is corrected for all goals and arms."""

    variant: str
    vs: str
    status: str
    diff: float | None
    ci: Pair | None
    fixed_ci: Pair | None
    relative: float | None
    relative_ci: Pair | None
    relative_status: str
    p_always_valid: float | None
    p_fixed: float | None
    p_adjusted: float | None
    chance_to_win: float | None
    expected_loss: float | None


class MetricResult(TypedDict):
    key: str
    name: str
    role: str
    type: str
    direction: str
    unit: str
    alpha: float
    tuning_units: int
    cap: float | None
    method_version: str
    arms: list[ArmResult]
    comparisons: list[ComparisonResult]


def is_measured(metric: MetricResult) -> bool:
    """Whether any unit has a value of it."""
    return any(arm["n"] for arm in metric["arms"])


class Excluded(TypedDict):
    several_variants: int
    fallback: int
    forced: int
    before_start: int


class VariantResult(TypedDict):
    """``units`` are exposed and not excluded; those still too young for their outcome mature."""

    key: str
    name: str
    is_control: bool
    weight: float | None
    units: int
    maturing: int
    excluded: Excluded
    dimensions: dict[str, str]  # of a grid: setting → value
    first_seen: str | None
    last_seen: str | None


class Finding(TypedDict):
    """One health check. A blocking finding withholds the verdict, never the numbers."""

    check: str
    status: str  # ok, info, warn, block
    title: str
    detail: str


class VerdictResult(TypedDict):
    code: str
    sentence: str
    rule: str
    variant: str | None


class GuardrailResult(TypedDict):
    """What a guardrail says of one variant. ``sentence`` words a breach."""

    metric: str
    name: str
    variant: str
    state: str  # safe, breached, unsure
    margin: float
    margin_kind: str
    sentence: str


class SplitResult(TypedDict):
    p: float | None
    status: str
    chi2_p: float | None
    counts: dict[str, int]
    weights: dict[str, float]


class ExecutionResult(TypedDict):
    """One call of ai-experiments' ``Experiment()``, as it reported it and as its runs say."""

    started_at: str
    finished_at: str | None
    duration_ms: float | None
    status: str  # running, complete, stopped early, abandoned
    parallel: bool | None
    variants: int | None
    successes: int | None
    failures: int | None
    runs: int | None  # seen, by their own events; None: too many to look at all
    reported_best: str | None
    recomputed_best: str | None


class Results(TypedDict):
    experiment: str
    name: str
    status: str
    source: str
    unit: str
    allocation_version: int | None
    started_at: str | None
    computed_at: str
    health: list[Finding]
    verdict: VerdictResult
    variants: list[VariantResult]
    metrics: list[MetricResult]
    srm: SplitResult
    planned_units: int
    days_left: float | None
    units_in_several_variants: int
    executions: list[ExecutionResult]
    guardrails: NotRequired[list[GuardrailResult]]  # of declared experiments
    changes: NotRequired[int]  # of the experiment's state before them; older code kept none


class ResultsAnswer(Results):
    as_of_lag_seconds: float
    is_final: bool  # of a stopped experiment: computed no more

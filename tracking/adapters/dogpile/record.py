"""A run, as far as it was told. Pure."""

import msgspec

from tracking.adapters.dogpile.gathering import Material
from tracking.adapters.dogpile.values import NO_COST, Cost, JsonObject, cost_of, object_of
from tracking.timestamps import AHEAD_US, CLOCK_AHEAD, CLOCK_SKEW, SKEW_US

COMPLETED, RUNNING, FAILED, CANCELLED = "completed", "running", "failed", "cancelled"
FINAL = "final"


class Agent(msgspec.Struct, frozen=True):
    id: str
    role: str
    instructions: str = ""


class Run(msgspec.Struct):
    """One run, as far as it was told. Objects are JSON as sent, ``{}`` where there is none."""

    run_id: str
    received_us: int  # first receipt: stands for times that nobody told
    latest_us: int  # last receipt
    parent_id: str = ""
    status: str = RUNNING
    intent: str = ""
    protocol: str = ""
    protocol_config: JsonObject = {}
    tier: str = ""
    provider_id: str = ""
    temperature: float | None = None
    seed: JsonObject = {}  # source, value
    agents: list[Agent] = []
    caps: JsonObject = {}
    termination_policy: JsonObject = {}
    started_us: int | None = None
    completed_us: int | None = None
    output: str = ""
    cost: Cost | None = None
    quality: float | None = None
    evaluation: JsonObject = {}
    stop: JsonObject = {}  # the termination record
    budget_stop: JsonObject = {}  # the event
    events: list[JsonObject] = []
    errors: list[JsonObject] = []  # of the stream: no trace holds them
    decisions: list[JsonObject] = []
    provider_calls: list[JsonObject] = []
    budget_changes: list[JsonObject] = []
    transcript: list[JsonObject] = []
    accounting: JsonObject = {}
    health: JsonObject = {}
    metrics: list[JsonObject] = []
    metadata: JsonObject = {}  # sessionId, userId and the like, wherever they stood
    material: Material = msgspec.field(default_factory=lambda: Material(""))
    children: list["Run"] = []
    n_unmatched: int = 0  # streamed events that the trace does not hold

    @property
    def trace(self) -> JsonObject:
        return self.material.traces[0] if self.material.traces else {}

    @property
    def final(self) -> JsonObject:
        return next((e for e in reversed(self.events) if e.get("type") == FINAL), {})

    @property
    def troubles(self) -> list[JsonObject]:
        """What went wrong with it as a whole: its stream's errors, a sub-run's failure."""
        failed = self.material.failed
        if not failed:
            return self.errors
        error = object_of(failed.get("error"))
        told = {"name": failed.get("type"), "message": error.get("message"), "detail": error}
        return [*self.errors, told]

    @property
    def clock_warnings(self) -> tuple[str, ...]:
        """Whether its times were replaced by receipt, or end after it."""
        began, ended = self.started_us or 0, self.completed_us or 0
        if max(began, ended) > self.received_us + AHEAD_US:
            return (CLOCK_AHEAD,)
        is_skewed = began > self.received_us + SKEW_US or ended > self.latest_us + SKEW_US
        return (CLOCK_SKEW,) if is_skewed else ()

    def settle(self, moment_us: int | None) -> int:
        """A time that can be: missing and future ones become that of first receipt."""
        if moment_us is None or moment_us > self.received_us + AHEAD_US:
            return self.received_us
        return moment_us


def total_cost(run: Run) -> Cost:
    """What the run says it cost in all; while it runs, the greatest running total so far."""
    if run.cost is not None:
        return run.cost
    return max((c for e in run.events if (c := cost_of(e.get("cost")))), default=NO_COST)

"""One execution on an axis of time: a bar a run, its metric where it was computed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from experiments.brackets import Bracket, Run

MILLISECOND = timedelta(milliseconds=1)
STARTED, COMPLETED, FAILED = "variant.start", "variant.complete", "variant.error"
MEASURED = "metric.computed"
TICKS = 5


Interval = tuple[datetime, datetime | None]  # of a run; None: it has not ended


@dataclass(frozen=True, slots=True)
class Moment:
    """One point of a run."""

    run_id: str
    type: str
    at: datetime
    metrics: dict[str, float]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    start: datetime
    end: datetime
    is_running: bool

    @property
    def length(self) -> timedelta:
        return max(self.end - self.start, MILLISECOND)

    def share(self, at: datetime) -> float:
        return (at - self.start) / self.length


@dataclass(frozen=True, slots=True)
class Bar:
    """A run between its start and its end, as shares of the axis."""

    run: Run
    name: str  # of its variant
    offset: float
    width: float
    duration_ms: float | None
    state: str  # succeeded, failed, running, lost
    wave: int
    value: float | None
    measured: float | None  # where on the axis its metric was computed
    error: str


@dataclass(frozen=True, slots=True)
class Timeline:
    started_at: datetime
    status: str
    length_ms: float
    bars: list[Bar]
    n_hidden: int
    n_waves: int

    @property
    def ticks(self) -> list[float]:
        """Milliseconds since the start, evenly over the axis."""
        return [self.length_ms * step / (TICKS - 1) for step in range(TICKS)]

    @property
    def widest_wave(self) -> int:
        waves = [bar.wave for bar in self.bars]
        return max((waves.count(wave) for wave in set(waves)), default=0)


def build_timeline(
    bracket: Bracket,
    runs: Sequence[Run],
    moments: Iterable[Moment],
    *,
    now: datetime,
    names: Mapping[str, str],
) -> Timeline:
    """Lay out the runs. ``names``: of the variants, by key; without one its key stands there."""
    told: dict[str, list[Moment]] = {run.id: [] for run in runs}
    for moment in moments:
        told.setdefault(moment.run_id, []).append(moment)
    status = bracket.status(now)
    latest = max([run.last_at for run in runs], default=bracket.started_at)
    end = max(bracket.finished_at or (now if status == "running" else latest), latest)
    spans = {run.id: _span_of(run, told[run.id]) for run in runs}
    ordered = sorted(runs, key=lambda run: (spans[run.id][0], run.id))
    waves = _waves([spans[run.id] for run in ordered])

    axis = Axis(bracket.started_at, end, is_running=status == "running")
    bars = [
        _bar(
            axis,
            run,
            told[run.id],
            spans[run.id],
            name=names.get(run.variant, run.variant),
            wave=wave,
        )
        for run, wave in zip(ordered, waves, strict=True)
    ]
    return Timeline(
        started_at=bracket.started_at,
        status=status,
        length_ms=axis.length / MILLISECOND,
        bars=bars,
        n_hidden=len(bracket.runs) - len(runs),
        n_waves=max(waves, default=0),
    )


def _span_of(run: Run, moments: Sequence[Moment]) -> Interval:
    """When it began and ended. Without its start, the end and its duration say when that was."""
    began = [moment.at for moment in moments if moment.type == STARTED]
    ends = [moment for moment in moments if moment.type in {COMPLETED, FAILED}]
    end = max((moment.at for moment in ends), default=None)
    if began:
        return min(began), end
    length = max((moment.metrics.get("duration_ms", 0.0) for moment in ends), default=0.0)
    return min(run.first_at, run.first_at - length * MILLISECOND), end


def _waves(spans: Sequence[Interval]) -> list[int]:
    """Number the chunks that maxConcurrency makes: one begins when all before it have ended."""
    waves: list[int] = []
    wave, busy_until = 0, None
    for began, ended in spans:
        if wave == 0 or (busy_until is not None and began >= busy_until):
            wave, busy_until = wave + 1, ended
        elif ended is None or busy_until is None:
            busy_until = None
        else:
            busy_until = max(busy_until, ended)
        waves.append(wave)
    return waves


def _bar(
    axis: Axis, run: Run, moments: Sequence[Moment], span: Interval, *, name: str, wave: int
) -> Bar:
    began, ended = span
    measured = [moment for moment in moments if moment.type == MEASURED]
    errors = [moment.error for moment in moments]
    if ended is None:
        state = "running" if axis.is_running else "lost"
    else:
        state = "succeeded" if run.has_succeeded else "failed"
    offset = max(axis.share(began), 0.0)
    return Bar(
        run=run,
        name=name,
        offset=offset,
        width=max(axis.share(ended or axis.end) - offset, 0.0),
        duration_ms=(ended - began) / MILLISECOND if ended else None,
        state=state,
        wave=wave,
        value=run.value,
        measured=axis.share(measured[-1].at) if measured else None,
        error=next((error for error in errors if error), ""),
    )

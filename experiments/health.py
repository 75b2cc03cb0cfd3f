"""What is wrong with the data of an experiment, before any number is believed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.formats import percent
from experiments.results import ArmResult, Finding, GuardrailResult, MetricResult, is_measured
from experiments.stats.proportions import newcombe_difference
from experiments.stats.srm import SplitTest
from experiments.stats.sums import ProportionSums
from experiments.unit_sums import LeftOut, VariantSums
from experiments.wording import counted, short_name, small_p

# State, the worst first → (status, title).
GUARDRAILS = {
    "breached": ("warn", "A guardrail is breached"),
    "unsure": ("info", "Guardrails not shown to be safe"),
    "safe": ("ok", "Guardrails hold"),
}
NAMED = 5  # unknown variants in a sentence
SEVERAL_WARN = 0.01
SEVERAL_BLOCK = 0.10


@dataclass(frozen=True, slots=True)
class HealthInputs:
    arms: Sequence[VariantSums]
    weights: dict[str, float]
    has_weights: bool  # False: none were declared, an even split is assumed
    split: SplitTest
    metrics: Sequence[MetricResult]
    unit: str
    unshown: int = 0
    left_out: LeftOut | None = None  # of a declared experiment
    guardrails: Sequence[GuardrailResult] = ()

    @property
    def units(self) -> int:
        return sum(arm.units for arm in self.arms)

    @property
    def several(self) -> int:
        return round(sum(arm.several_share for arm in self.arms))


def check_health(inputs: HealthInputs) -> list[Finding]:
    found = [check_traffic(inputs), check_several(inputs), check_missing(inputs)]
    found += [check_cost(inputs), check_maturing(inputs), check_variants(inputs)]
    found += [check_strangers(inputs), check_not_running(inputs), check_guardrails(inputs)]
    return [finding for finding in found if finding is not None]


def check_traffic(inputs: HealthInputs) -> Finding | None:
    """Sample-ratio mismatch: the sequential test decides, the χ² p is what people know."""
    if inputs.split.p is None:
        return None
    total = sum(inputs.weights.values())
    expected = "/".join(
        f"{100 * inputs.weights[arm.variant] / total:.3g}"
        for arm in inputs.arms
        if inputs.weights[arm.variant]
    )
    got = "/".join(str(arm.units) for arm in inputs.arms if inputs.weights[arm.variant])
    detail = f"expected {expected}, got {got}, p = {small_p(inputs.split.chi2_p)}"
    if not inputs.has_weights:
        detail += "; no weights were declared, so an even split is assumed"
    titles = {"ok": "Traffic split as planned", "warn": "Traffic split may be off"}
    return Finding(
        check="traffic_split",
        status=inputs.split.status,
        title=titles.get(inputs.split.status, "Traffic split is off"),
        detail=detail,
    )


def check_several(inputs: HealthInputs) -> Finding:
    """Units seen in several variants belong to none: they are left out and counted."""
    whole = inputs.units + inputs.several
    share = inputs.several / whole if whole else 0.0
    status = "block" if share >= SEVERAL_BLOCK else "warn" if share >= SEVERAL_WARN else "ok"
    return Finding(
        check="several_variants",
        status=status,
        title=f"{percent(share)} of {inputs.unit}s in several variants",
        detail=f"{inputs.several} of {whole} {inputs.unit}s met more than one variant"
        " and are left out of every comparison",
    )


def check_missing(inputs: HealthInputs) -> Finding | None:
    """Units without an outcome bias a mean when one arm has more of them."""
    scores = [metric for metric in inputs.metrics if metric["unit"] == "score"]
    measured = [metric for metric in scores if is_measured(metric)]
    if not measured:
        return None
    return _tell_missing(
        measured[0],
        "missing_outcome",
        f"Share of {inputs.unit}s that ended without a value",
    )


def check_cost(inputs: HealthInputs) -> Finding | None:
    """Units with a call of unknown cost have none: an arm without prices is not the cheaper one."""
    costs = [metric for metric in inputs.metrics if metric["unit"] == "usd"]
    if not any(arm["missing"] for metric in costs for arm in metric["arms"]):
        return None
    return _tell_missing(
        costs[0],
        "unknown_cost",
        f"The cost of {inputs.unit}s is unknown where a model has no price, or a call says nothing"
        " of tokens. They are left out of its comparison",
    )


def _tell_missing(metric: MetricResult, check: str, detail: str) -> Finding:
    """How many units lack a value, and of which arms."""
    arms = [arm for arm in metric["arms"] if _mature(arm)]
    missing, mature = sum(arm["missing"] for arm in arms), sum(map(_mature, arms))
    shares = ", ".join(f"{arm['variant']} {percent(arm['missing'] / _mature(arm))}" for arm in arms)
    return Finding(
        check=check,
        status="warn" if _differs(arms) else "info" if missing else "ok",
        title=f"{percent(missing / mature)} without a {metric['name']}",
        detail=f"{detail}: {shares}",
    )


def check_maturing(inputs: HealthInputs) -> Finding | None:
    maturing = sum(arm.maturing for arm in inputs.arms)
    if not maturing:
        return None
    return Finding(
        check="maturing",
        status="info",
        title=f"{counted(maturing, inputs.unit)} maturing",
        detail=f"{maturing} of {counted(inputs.units, inputs.unit)} cannot be compared yet:"
        " they count as units, not in means",
    )


def check_variants(inputs: HealthInputs) -> Finding | None:
    """A variant for every request is a mistake of the client: the name holds an id."""
    if not inputs.unshown:
        return None
    return Finding(
        check="too_many_variants",
        status="warn",
        title=f"{counted(inputs.unshown, 'variant')} not shown",
        detail=f"Only the {len(inputs.arms)} largest variants are compared. A variant's name"
        " must not change with every request.",
    )


def check_strangers(inputs: HealthInputs) -> Finding | None:
    """Names that were not declared: a slip of who tags, or a variant that came later."""
    strangers = inputs.left_out.strangers if inputs.left_out else {}
    if not strangers:
        return None
    named = ", ".join(f"{short_name(key)} ({n})" for key, n in list(strangers.items())[:NAMED])
    return Finding(
        check="unknown_variants",
        status="warn",
        title=f"{counted(len(strangers), 'unknown variant')} seen",
        detail=f"{inputs.unit.capitalize()}s carry names that are no variant here, and are left"
        f" out: {named}",
    )


def check_not_running(inputs: HealthInputs) -> Finding | None:
    out = inputs.left_out
    if out is None or not (out.n_before or out.elsewhen):
        return None
    return Finding(
        check="not_running",
        status="info",
        title=f"{counted(out.n_before + out.elsewhen, inputs.unit)} left out by time",
        detail=f"{out.n_before} met a variant before the start, {out.elsewhen} while the experiment"
        " was paused or after its end",
    )


def check_guardrails(inputs: HealthInputs) -> Finding | None:
    """What must not get worse: a breach is told, the verdict stands beside it."""
    if not inputs.guardrails:
        return None
    states = {each["state"] for each in inputs.guardrails}
    status, title = GUARDRAILS[min(states, key=list(GUARDRAILS).index)]
    told = {
        "breached": "{variant}: {sentence}",
        "unsure": "{variant}: not shown to be safe on {name}",
        "safe": "{variant}: {name} within its limit",
    }
    lines = [
        told[each["state"]].format(
            variant=short_name(each["variant"]), sentence=each["sentence"], name=each["name"]
        )
        for each in inputs.guardrails
    ]
    return Finding(check="guardrails", status=status, title=title, detail="; ".join(lines))


def _mature(arm: ArmResult) -> int:
    return arm["n"] + arm["missing"]


def _differs(arms: Sequence[ArmResult]) -> bool:
    """Tell whether the arms with the largest and the smallest share differ beyond chance."""
    ordered = sorted(arms, key=lambda arm: arm["missing"] / _mature(arm))
    low, high = (ProportionSums(_mature(arm), arm["missing"]) for arm in (ordered[0], ordered[-1]))
    interval = newcombe_difference(low, high, alpha=0.01).interval
    return interval is not None and interval.low > 0

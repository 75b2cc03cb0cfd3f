"""What is said in one session: turns of a customer and the agent, with tools and failures."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from core.demo.audience import SessionPlan
from core.demo.material import fill, material

N_EXCHANGES = (1, 1, 1, 1, 2, 2, 2, 3)
MODEL_FAILURES = {
    "openai": ("rate_limit", "timeout", "bad_json"),
    "anthropic": ("overloaded", "timeout"),
    "gcp.gemini": ("timeout", "bad_json"),
}


@dataclass(frozen=True, slots=True)
class ToolUse:
    name: str
    arguments: dict[str, Any]
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    type: str
    message: str
    stack: list[str]
    is_of_tool: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the customer and what came of it; no answer when it failed."""

    user: str
    answer: str
    pause_s: float
    tool: ToolUse | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    topic: str
    tags: list[str]
    turns: list[Turn]
    articles: list[str] = field(default_factory=list)


def write_dialogue(plan: SessionPlan, rng: Random) -> Dialogue:
    scenarios = material()["scenario"]
    (scenario,) = rng.choices(scenarios, [each["weight"] for each in scenarios])
    slots = _fill_slots(plan, rng)
    exchanges = _write_exchanges(scenario, slots, plan=plan, rng=rng)
    tool = ToolUse(
        scenario["tool"], fill(scenario["arguments"], slots), fill(scenario["result"], slots)
    )
    failing = rng.randrange(len(exchanges)) if plan.fails else None
    turns: list[Turn] = []
    for number, (user, answer) in enumerate(exchanges):
        uses_tool = None if number else tool  # what follows is about the same result
        pause_s = min(rng.lognormvariate(3.9, 0.6), 400.0) if turns else 0.0
        if number == failing:
            failure = _fail(plan, slots, can_be_tool=uses_tool is not None, rng=rng)
            turns.append(Turn(user, "", pause_s, uses_tool, failure))
            if rng.random() < 0.35:
                break  # the customer gives up
            again = rng.choice(material()["slots"]["retry"])
            user, pause_s = fill(again, slots | {"again": user}), rng.uniform(8, 40)
        turns.append(Turn(user, answer, pause_s, uses_tool))
    return Dialogue(scenario["key"], scenario["tags"], turns, _articles(slots))


def _fill_slots(plan: SessionPlan, rng: Random) -> dict[str, str]:
    chosen = {key: rng.choice(values) for key, values in material()["slots"].items()}
    day = plan.started_at
    return chosen | {
        "order": f"HP-{rng.randrange(100_000, 999_999)}",
        "tracking": f"{rng.choice('JTQX')}{rng.randrange(10**11, 10**12)}",
        "case": str(rng.randrange(100, 999)),
        "column": str(rng.randrange(30, 180)),
        "amount": f"{rng.randrange(1900, 32_900) / 100:.2f}",
        "date": f"{day + timedelta(days=rng.randrange(2, 6)):%A, %d %B}",
        "earlier": f"{day - timedelta(days=rng.randrange(3, 8)):%A, %d %B}",
        "model": plan.arm.model.requested,
    }


def _write_exchanges(
    scenario: dict[str, Any], slots: dict[str, str], *, plan: SessionPlan, rng: Random
) -> list[tuple[str, str]]:
    opening = fill(rng.choice(scenario["openings"]), slots)
    if isinstance(opening, dict):  # a question with an answer of its own
        question, answer = opening["user"], opening["answer"]
    else:
        question, answer = opening, fill(rng.choice(scenario["answers"]), slots)
    exchanges = [(_open(question, slots), _answer(answer, plan, rng))]
    followups = list(scenario["followups"])
    rng.shuffle(followups)
    n_followups = rng.choice(N_EXCHANGES) - 1
    for followup in followups[:n_followups]:
        said, answer = rng.choice(followup["user"]), rng.choice(followup["answer"])
        exchanges.append((fill(said, slots), fill(answer, slots)))
    if n_followups and rng.random() < 0.5:
        exchanges.append((slots["thanks"], fill(slots["farewell"], slots)))
    return exchanges


def _open(opening: str, slots: dict[str, str]) -> str:
    """Join greeting, mood and question as people write them."""
    greeting, mood = slots["greeting"], slots["mood"]
    if not mood.endswith("but "):
        opening = opening if greeting and not mood else opening[0].upper() + opening[1:]
    joint = "! " if mood else ", "
    return f"{greeting}{joint}{mood}{opening}" if greeting else mood + opening


def _answer(answer: str, plan: SessionPlan, rng: Random) -> str:
    if plan.arm.prompt_version == "6":
        return answer
    words = material()["slots"]
    opening, closing = rng.choice(words["warm_opening"]), rng.choice(words["warm_closing"])
    return f"{opening} {answer}" + (f"\n\n{closing}" if rng.random() < 0.6 else "")


def _fail(plan: SessionPlan, slots: dict[str, str], *, can_be_tool: bool, rng: Random) -> Failure:
    of_tool = can_be_tool and rng.random() < 0.3
    key = "tool" if of_tool else rng.choice(MODEL_FAILURES[plan.arm.model.provider])
    error = fill(material()["errors"][key], slots)
    return Failure(error["type"], error["message"], error["stack"], of_tool)


def _articles(slots: dict[str, str]) -> list[str]:
    product = slots["product"]
    return [
        "Delivery times and carriers",
        f"Caring for your {product}",
        "Refunds: when and how",
        "Returns within 60 days",
        "Changing an order",
        "Warranty and repairs",
        f"{product}: size and fit",
        "Invoices and VAT",
        "Vouchers and gift cards",
        "Parcel shops near you",
        "Damaged on arrival",
        "Contact and opening hours",
    ]

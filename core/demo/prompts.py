"""The prompt of the demo with its versions and labels, and a draft of an experiment with two."""

import json
from collections.abc import Iterator

from core.demo.material import material
from core.demo.requests import DemoRequest

PROMPT_KEY = "support-answer"
SHOP = "Harbor & Pine"
PROMPTS_PATH = "/api/v1/prompts"
EXPERIMENTS_PATH = "/api/v1/experiments"
LABELS = {1: ["production"], 6: ["production"], 7: ["production"], 8: ["staging"]}
VARIABLES = (
    {"name": "shop", "example": SHOP, "description": "What customers call the shop."},
    {"name": "question", "example": "Where is my order HP-48213?"},
)


def prompt_requests() -> Iterator[DemoRequest]:
    """The prompt, then its versions in order: what is sent again is answered as before."""
    said = material()["prompt"]
    about = {name: said[name] for name in ("name", "description", "tags")}
    yield _request(PROMPTS_PATH, {"key": PROMPT_KEY, **about}, once="demo-prompt")
    for number, note in enumerate(said["notes"], 1):
        version = {
            "system": _template(number),
            "user_template": "{{question}}",
            "variables": VARIABLES,
            "note": note,
            "publish": True,
            "labels": LABELS.get(number, []),
        }
        once = f"demo-prompt-{number}"
        yield _request(f"{PROMPTS_PATH}/{PROMPT_KEY}/versions", version, once=once)


def draft_request() -> DemoRequest:
    """An experiment that is declared and waits for somebody to start it: sent after the prompt."""
    versions = (("control", 7), ("escalates", 8))
    draft = {
        "key": "escalation-wording",
        "name": "Escalation wording",
        "kind": "prompt",
        "unit": "session",
        "hypothesis": "Saying early when a person takes over makes fewer customers write twice.",
        "variants": [
            {
                "key": key,
                "weight": 50,
                "is_control": key == "control",
                "prompt": {"key": PROMPT_KEY, "version": version},
            }
            for key, version in versions
        ],
        "metrics": [
            {"metric": "success_rate", "role": "goal"},
            {"metric": "cost_per_unit", "role": "guardrail"},
        ],
        "planned_units": 1200,
    }
    return _request(EXPERIMENTS_PATH, draft, once="demo-draft")


def _template(number: int) -> str:
    """What spans say of a version, with the shop's name left open."""
    text: str = material()["system"][str(number)]
    return text.replace(SHOP, "{{shop}}")


def _request(path: str, body: object, *, once: str) -> DemoRequest:
    return DemoRequest(
        path,
        "application/json",
        json.dumps(body).encode(),
        is_gzipped=False,
        once=once,
    )

"""The prompt of the demo with its versions and labels, and how the management API is asked."""

import json
from collections.abc import Iterator

from core.demo.material import material
from core.demo.requests import DemoRequest

PROMPT_KEY = "support-answer"
SHOP = "Harbor & Pine"
PROMPTS_PATH = "/api/v1/prompts"
LABELS = {1: ["production"], 6: ["production"], 7: ["production"], 8: ["staging"]}
VARIABLES = (
    {"name": "shop", "example": SHOP, "description": "What customers call the shop."},
    {"name": "question", "example": "Where is my order HP-48213?"},
)


def prompt_requests() -> Iterator[DemoRequest]:
    """The prompt, then its versions in order: what is sent again is answered as before."""
    said = material()["prompt"]
    about = {name: said[name] for name in ("name", "description", "tags")}
    yield manage_request(PROMPTS_PATH, {"key": PROMPT_KEY, **about}, once="demo-prompt")
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
        yield manage_request(f"{PROMPTS_PATH}/{PROMPT_KEY}/versions", version, once=once)


def _template(number: int) -> str:
    """What spans say of a version, with the shop's name left open."""
    text: str = material()["system"][str(number)]
    return text.replace(SHOP, "{{shop}}")


def manage_request(path: str, body: object, *, once: str) -> DemoRequest:
    return DemoRequest(
        path,
        "application/json",
        json.dumps(body).encode(),
        is_gzipped=False,
        once=once,
    )

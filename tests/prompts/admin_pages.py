"""What tests of the prompts' admin share: what its forms send, and how its pages are read."""

from html import unescape

BASE = "/admin/prompts/prompt/"


def draft_form(*variables, **fields):
    """What the form of a draft sends."""
    rows = {"variables-TOTAL_FORMS": len(variables), "variables-INITIAL_FORMS": 0}
    for index, (name, example) in enumerate(variables):
        rows[f"variables-{index}-name"] = name
        rows[f"variables-{index}-example"] = example
    return {**rows, **fields}


def read(client, prompt, path="change/"):
    response = client.get(f"{BASE}{prompt.pk}/{path}")
    assert response.status_code == 200
    return unescape(response.content.decode())

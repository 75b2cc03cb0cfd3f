"""The block that ``serve`` prints once it answers."""

import json
import secrets
import shlex
from datetime import datetime, timedelta

from core.bootstrap import Login


def announcement(base_url: str, login: Login, key: str, *, now: datetime) -> str:
    """Plain lines; the curl line is one line and works as pasted, any number of times."""
    password = (
        login.password or "(as printed at the first start; manage.py changepassword sets one)"
    )
    shown_key = key or "(revoked; make one under Settings, API keys)"
    rows = [
        ("Address", base_url),
        ("Login", f"{login.username}  password: {password}"),
        ("API key", shown_key),
        ("OTLP", f"{base_url}/v1/traces  header: Authorization: Bearer <API key>"),
        ("Try it", curl_line(base_url, key or "<API key>", now=now)),
    ]
    lines = [f"  {name:<9} {value}" for name, value in rows]
    return "\n".join(["", "Assay is ready. Ctrl-C stops it.", *lines, ""])


def curl_line(base_url: str, key: str, *, now: datetime) -> str:
    start = now - timedelta(milliseconds=840)
    body = {
        "type": "span",
        "timestamp": now.isoformat(),
        "data": {
            "trace_id": secrets.token_hex(16),
            "span_id": secrets.token_hex(8),
            "name": "chat",
            "kind": "llm",
            "start": start.isoformat(),
            "end": now.isoformat(),
            "session_id": f"hello-{secrets.token_hex(3)}",
            "user_id": "me",
            "provider": "openai",
            "model": "gpt-4o-mini",
            "tokens": {"input": 9, "output": 12},
            "input": "Is anybody there?",
            "output": "Yes. This span came from the curl line.",
        },
    }
    return " ".join(
        [
            "curl -sS",
            shlex.quote(f"{base_url}/api/v1/events"),  # zsh takes [::1] for a pattern
            "-H",
            shlex.quote(f"Authorization: Bearer {key}"),
            "-H 'Content-Type: application/json'",
            "-d",
            shlex.quote(json.dumps(body)),
        ]
    )

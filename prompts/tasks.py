"""Doors for Celery."""

from django.utils import timezone

from core.celery import app
from prompts.sending import send_due


@app.task(name="prompts.tasks.webhooks_task", ignore_result=True)  # type: ignore[untyped-decorator]
def webhooks_task() -> None:
    send_due(timezone.now())

"""What runs over stored events in tests: retention, prices, repricing."""

import datetime
from decimal import Decimal

from core.jobs import work_on_jobs
from core.models import Job
from tracking.models import ModelPrice
from tracking.project_prices import forget, save_price
from tracking.repricing import start_repricing
from tracking.retention import start_retention


def apply_retention():
    start_retention()
    work_on_jobs(seconds=60)
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}


def keep(project, days, summary=None):
    project.retention_days, project.summary_days = days, summary
    project.save(update_fields=["retention_days", "summary_days"])


def set_price(project, dollars="1", model="my-*", **changes):
    fields = {"starts_on": datetime.date(2020, 1, 1), "input": Decimal(dollars), **changes}
    price = ModelPrice(project=project, model=model, output=Decimal(0), **fields)
    save_price(price, actor=None)
    forget()  # what the commit does, for which a test's transaction never comes
    return price


def reprice(project):
    job = start_repricing(project, actor=None)
    work_on_jobs(seconds=60)
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job.result

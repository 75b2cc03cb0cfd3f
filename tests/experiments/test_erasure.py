"""Erased subjects in the results of experiments: sums are computed anew, no name is kept."""

import pytest
from django.utils import timezone

from core.jobs import work_on_jobs
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events
from tests.tracking.conftest import delete_facts
from tests.tracking.everything import find_anywhere
from tracking.erasure import start_erasure
from tracking.partitions import ensure_ahead, forget

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def weeks():
    forget()
    ensure_ahead(timezone.now())
    yield
    delete_facts()


def units_of(sender):
    results = sender.post("/api/v1/experiments/tone/analyse").json()
    return {variant["key"]: variant["units"] for variant in results["variants"]}


def test_an_erased_user_counts_in_no_arm_any_more(alpha):
    sender = make_sender(alpha)
    arms = [("ada-Zanzibar", "warm"), ("bob", "warm"), ("cyd", "cool")]
    spans = [
        make_span(
            f"t-{user}",
            "a",
            session_id=f"s-{user}",
            user_id=user,
            attributes={"assay.experiment": "tone", "assay.variant": variant},
        )
        for user, variant in arms
    ]
    send_events(sender, spans)
    digest_all()
    assert units_of(sender) == {"warm": 2, "cool": 1}

    start_erasure(alpha, "user", "ada-Zanzibar")
    work_on_jobs(seconds=60)

    assert units_of(sender) == {"warm": 1, "cool": 1}
    assert find_anywhere("Zanzibar") == []
    assert drift_of(alpha.pk) == []

"""Audio and image tokens of calls that two instrumentations tell: metrics that count once."""

import datetime
import itertools

import pytest

from tests.tracking.maintenance import apply_retention, keep
from tests.tracking.report_streams import digest, tell, tell_call
from tracking.models import SessionMetric

MODAL = {"gen_ai__usage__audio__input_tokens": 4, "gen_ai__usage__image__output_tokens": 2}
ROOT = tell("root", seconds=10)
FRAMEWORK = tell_call("framework", "root", scope="framework", seconds=2, **MODAL)
CLIENT = tell_call("client", "framework", at=0.5, seconds=1, **MODAL)


@pytest.fixture
def sender(sender, no_drift):
    return sender


def sums():
    metrics = SessionMetric.objects.order_by("name")
    return {each.name: (each.n, each.total, each.low, each.high) for each in metrics}


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_audio_and_images_of_a_call_that_two_tell_count_once(sender, order):
    for index in order:
        digest(sender, [ROOT, FRAMEWORK, CLIENT][index])

    assert sums() == {
        "tokens_input_audio": (1, 4.0, 4.0, 4.0),
        "tokens_output_image": (1, 2.0, 2.0, 2.0),
    }


def test_what_the_better_report_does_not_say_is_not_counted(sender):
    digest(sender, ROOT, FRAMEWORK)
    assert sums() != {}

    digest(sender, tell_call("client", "framework", at=0.5, seconds=1))

    assert sums() == {}


def test_they_count_once_in_a_trace_that_outlives_its_events(alpha, sender):
    month = datetime.timedelta(days=40).total_seconds()
    digest(sender, tell("root", at=-month, seconds=month + 10), FRAMEWORK)
    keep(alpha, 30)
    apply_retention()

    digest(sender, CLIENT)

    assert sums() == {
        "tokens_input_audio": (1, 4.0, 4.0, 4.0),
        "tokens_output_image": (1, 2.0, 2.0, 2.0),
    }

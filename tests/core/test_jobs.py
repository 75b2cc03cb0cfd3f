import psycopg
import pytest
from django.db import OperationalError
from django.utils import timezone

from core import jobs
from core.jobs import (
    LONGEST_WAIT,
    MOST_FAILURES,
    NotYetError,
    register_job,
    start_job,
    stop_jobs,
    wait_after,
    work_on_jobs,
)
from core.models import AuditEntry, Job

pytestmark = pytest.mark.django_db
NO_END = 60.0


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    monkeypatch.setattr(jobs, "_steps", {})


def count_to_three(job):
    job.n_done += 1
    job.n_total = 3
    job.place = {"next": job.n_done}
    return job.n_done == 3


def test_a_job_is_worked_on_until_it_says_it_is_done(alpha):
    register_job("count", count_to_three)
    job = start_job(alpha, "count", {})

    assert work_on_jobs(seconds=NO_END) == 3

    job.refresh_from_db()
    assert (job.state, job.n_done, job.place) == ("done", 3, {"next": 3})
    assert job.finished_at >= job.started_at


def test_the_same_open_job_is_not_queued_twice(alpha, beta):
    register_job("count", count_to_three)
    first = start_job(alpha, "count", {"day": 1})

    assert start_job(alpha, "count", {"day": 1}) == first
    assert start_job(alpha, "count", {"day": 2}) != first
    assert start_job(beta, "count", {"day": 1}) != first


def test_an_unknown_kind_is_refused(alpha):
    with pytest.raises(KeyError):
        start_job(alpha, "count", {})


def test_a_step_that_fails_leaves_nothing_and_ends_the_job(alpha):
    def fail(job):
        job.n_done = 7
        alpha.name = "changed"
        alpha.save()
        raise ValueError("no such\0thing")

    register_job("fail", fail)
    job = start_job(alpha, "fail", {})

    work_on_jobs(seconds=NO_END)

    job.refresh_from_db()
    alpha.refresh_from_db()
    assert (job.state, job.n_done, alpha.name) == ("failed", 0, "Alpha")
    assert job.error == "ValueError: no such\N{REPLACEMENT CHARACTER}thing"


@pytest.mark.parametrize(
    "error", [OperationalError, psycopg.OperationalError, psycopg.errors.DeadlockDetected]
)
def test_a_database_that_is_away_is_tried_again_and_lets_others_go_first(alpha, error):
    def away(job):
        raise error("away")

    register_job("away", away)
    register_job("count", count_to_three)
    stuck = start_job(alpha, "away", {})
    work_on_jobs(seconds=NO_END)
    done = start_job(alpha, "count", {})

    work_on_jobs(seconds=NO_END)

    stuck.refresh_from_db()
    done.refresh_from_db()
    assert (stuck.state, stuck.n_failures, done.state) == ("running", 2, "done")

    for n in range(2, MOST_FAILURES):
        assert work_on_jobs(seconds=NO_END) == 0
        stuck.refresh_from_db()
        assert (stuck.n_failures, stuck.is_failing) == (n, True)  # it waits
        Job.objects.update(retry_at=timezone.now())
        work_on_jobs(seconds=NO_END)
    stuck.refresh_from_db()
    assert (stuck.state, stuck.retry_at, stuck.is_failing) == ("failed", None, False)


def test_tries_come_ever_later_for_most_of_an_hour():
    waits = [wait_after(n).total_seconds() for n in range(1, MOST_FAILURES)]

    assert waits[:4] == [0, 2, 4, 8]
    assert max(waits) == LONGEST_WAIT.total_seconds() == 300
    assert 3_000 < sum(waits) < 4_000


def test_a_step_that_succeeds_is_followed_at_once(alpha):
    failures = [OperationalError("away"), OperationalError("away")]

    def fail_twice(job):
        if failures:
            raise failures.pop()
        return count_to_three(job)

    register_job("count", fail_twice)
    job = start_job(alpha, "count", {})
    work_on_jobs(seconds=NO_END)
    work_on_jobs(seconds=NO_END)
    assert work_on_jobs(seconds=NO_END) == 0
    Job.objects.update(retry_at=timezone.now())

    assert work_on_jobs(seconds=NO_END) == 3

    job.refresh_from_db()
    assert (job.state, job.n_failures, job.retry_at) == ("done", 0, None)


def test_a_stopped_job_is_left_alone_and_may_be_started_again(alpha, beta, dana):
    register_job("count", count_to_three)
    job, other = start_job(alpha, "count", {}), start_job(beta, "count", {})
    job.n_done = 2
    job.save()

    assert stop_jobs(alpha, "count", actor=dana) == [job]

    job.refresh_from_db()
    assert (job.state, job.n_done, job.is_open) == ("cancelled", 2, False)
    assert work_on_jobs(seconds=NO_END) == 3  # of the other project
    other.refresh_from_db()
    assert (job.n_done, other.state) == (2, "done")
    assert start_job(alpha, "count", {}) != job


def test_a_stop_is_in_the_audit_record(alpha, dana):
    register_job("count", count_to_three)
    job = start_job(alpha, "count", {})

    stop_jobs(alpha, "count", actor=dana)

    entry = AuditEntry.objects.get(action="job.stop")
    assert (entry.actor_label, entry.target) == ("dana", "count")
    assert entry.detail == {"job": job.pk, "done": 0, "of": None}


def test_a_job_that_ended_is_not_stopped(alpha, dana):
    register_job("count", count_to_three)
    job = start_job(alpha, "count", {})
    work_on_jobs(seconds=NO_END)

    assert stop_jobs(alpha, "count", actor=dana) == []
    job.refresh_from_db()
    assert job.state == "done"
    assert AuditEntry.objects.count() == 0


def test_a_job_with_nothing_to_do_yet_lets_others_go_on(alpha):
    ready = []

    def wait(job):
        job.n_done += 1
        if not ready:
            raise NotYetError
        return True

    register_job("wait", wait)
    register_job("count", count_to_three)
    waiting, counting = start_job(alpha, "wait", {}), start_job(alpha, "count", {})

    assert work_on_jobs(seconds=NO_END) == 3  # and comes back, though the other one is open
    counting.refresh_from_db()
    waiting.refresh_from_db()
    assert (counting.state, waiting.state, waiting.n_done) == ("done", "running", 0)
    assert (waiting.n_failures, waiting.error) == (0, "")

    ready.append(True)
    work_on_jobs(seconds=NO_END)
    waiting.refresh_from_db()
    assert waiting.state == "done"


def test_jobs_take_their_steps_in_turn(alpha, beta):
    order = []

    def step(job):
        order.append(job.project.slug)
        return count_to_three(job)

    register_job("count", step)
    start_job(alpha, "count", {})
    start_job(beta, "count", {})

    work_on_jobs(seconds=NO_END)

    assert order == ["alpha", "beta"] * 3


def test_a_turn_ends_though_a_job_does_not_and_a_new_one_comes_first(alpha, beta):
    def go_on(job):
        job.n_done += 1
        return False

    register_job("endless", go_on)
    register_job("count", count_to_three)
    endless = start_job(alpha, "endless", {})
    n_steps = work_on_jobs(seconds=0.05)
    small = start_job(beta, "count", {})

    work_on_jobs(seconds=0.0001)

    small.refresh_from_db()
    endless.refresh_from_db()
    assert (small.n_done, endless.n_done, endless.is_open) == (1, n_steps, True)


def test_one_that_failed_keeps_its_turns_beside_one_that_goes_on_and_on(alpha, beta):
    failures = [OperationalError("deadlock detected")]

    def fail_once(job):
        if failures:
            raise failures.pop()
        return True

    register_job("endless", lambda job: False)
    register_job("fails", fail_once)
    start_job(alpha, "endless", {})
    failing = start_job(beta, "fails", {})

    for _ in range(20):  # on a machine that stands still at times, a turn is a single step
        work_on_jobs(seconds=0.05)
        failing.refresh_from_db()
        if failing.state == "done":
            break
    assert (failures, failing.state) == ([], "done")

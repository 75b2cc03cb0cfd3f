"""What must hold after any trouble: nothing lost, nothing invented, every count explained."""

from tests.benchmarks.installation import Installation
from tests.chaos.sending import Ledger, SpanId

UNANSWERED = {"ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"}
UNANSWERED |= {"BrokenPipeError", "IncompleteRead", "BadStatusLine"}


def assert_nothing_is_wrong(installation: Installation, ledger: Ledger) -> None:
    """Of an installation that only these senders sent to, when they have stopped."""
    status = installation.wait_drained()

    assert_answers_were_expected(ledger)
    assert_nothing_is_lost(ledger, stored_ids(installation))
    assert_ledger_closes(ledger, status)
    assert_no_drift(installation)


def stored_ids(installation: Installation) -> list[SpanId]:
    with installation.database() as connection:
        rows = connection.execute(
            "SELECT trace_id, span_id FROM tracking_event WHERE span_id <> ''"
        )
        return [(str(trace), str(span)) for trace, span in rows]


def assert_answers_were_expected(ledger: Ledger) -> None:
    unexpected = ledger.answers.keys() - {"200", "202", "503"} - UNANSWERED

    assert unexpected == set(), (ledger.answers, ledger.bodies[:3])
    assert ledger.acknowledged


def assert_nothing_is_lost(ledger: Ledger, stored: list[SpanId]) -> None:
    assert len(stored) == len(set(stored))
    assert ledger.acknowledged - set(stored) == set()
    assert set(stored) - ledger.sent == set()


def assert_ledger_closes(ledger: Ledger, status: dict[str, int]) -> None:
    """A request that broke off may have been committed; one that was acknowledged has been."""
    kinds = ("stored_events", "duplicate_events", "rejected_events", "quarantined")
    counted = sum(status[kind] for kind in kinds)

    assert status["quarantined"] == 0
    assert status["stored_events"] == len(ledger.acknowledged)
    assert 0 <= counted - ledger.items_acknowledged <= ledger.items_unsure


def assert_no_drift(installation: Installation) -> None:
    verified = installation.run_command("verify_rollups")

    assert verified.returncode == 0, verified.stdout + verified.stderr

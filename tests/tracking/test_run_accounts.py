"""Records of whole runs, read without trust."""

import pytest

from tracking.runs.accounts import AgentTurns, read_audit, read_snapshot


def test_an_audit_says_how_its_agents_took_turns():
    account = read_audit(
        {
            "outcome": {"status": "completed"},
            "agents": [{"id": "a", "role": "critic", "turnCount": 2}, 5],
            "startedAt": "2026-03-04T09:15:00Z",
            "completedAt": "2026-03-04T09:15:02Z",
        }
    )

    assert (account.outcome, account.code, account.duration_ms) == ("completed", "", 2000.0)
    assert account.agents == [AgentTurns("a", "critic", 2)]


def test_a_snapshot_counts_what_ran_below_it():
    account = read_snapshot({"inputTokens": 1, "totalInputTokens": 3, "durationMs": 7})

    assert (account.tokens_in, account.tokens_out, account.duration_ms) == (3, None, 7.0)


@pytest.mark.parametrize("odd", [None, 5, "x", [], {"a": []}, -1, 1e400, True])
@pytest.mark.parametrize("read", [read_audit, read_snapshot])
def test_values_of_another_type_are_not_said(read, odd):
    keys = ("outcome", "cost", "agents", "turnCount", "turns", "startedAt", "totalCostUsd")

    account = read(dict.fromkeys(keys, odd))

    assert (account.n_turns, account.agents) == (None if odd != 5 else 5, [])

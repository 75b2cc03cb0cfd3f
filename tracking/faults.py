"""Telling trouble that passes from trouble that an item brings with it."""

import psycopg
from django.db import InterfaceError, OperationalError

from tracking import partitions
from tracking.leases import LeaseLostError


class RaceError(RuntimeError):
    """Another transaction stored meanwhile what this one took for new."""


# What another try may cure: a lost connection, a deadlock, a full disk, a lease that ran out.
TRANSIENT = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
    LeaseLostError,
    RaceError,
)
# Operational by class, but the item's own fault: too long for an index, too deep for a parser.
TOO_LARGE = (psycopg.errors.ProgramLimitExceeded, psycopg.errors.StatementTooComplex)


def is_transient(error: Exception) -> bool:
    if isinstance(error, psycopg.errors.CheckViolation) and not error.diag.constraint_name:
        # No constraint but "no partition for this row": its week was dropped since it was looked
        # for, and the next try makes it again.
        partitions.forget()
        return True
    return isinstance(error, TRANSIENT) and not isinstance(error, TOO_LARGE)

"""Runs of Dogpile: traces, results, stream events, benchmarks, transcripts, audits. Pure.

Dogpile has no client that sends: people post what they kept. A run is one document whose key is its
id; the pieces may come in any order and any mixture, and what they mean together is derived anew
with each. What names no run is a document of its own.
"""

from tracking.adapters.dogpile.deriving import derive_loose, derive_run
from tracking.adapters.dogpile.reading import LOOSE_SYSTEM, SYSTEM, check, read

__all__ = ["LOOSE_SYSTEM", "SYSTEM", "check", "derive_loose", "derive_run", "read"]

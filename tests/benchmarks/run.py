"""What the benchmarks of one run share: the installation, the corpora, how much to do."""

from dataclasses import dataclass, field

from tests.benchmarks.frames import Store
from tests.benchmarks.installation import Installation


@dataclass
class Run:
    installation: Installation
    store: Store
    n_spans: int
    is_quick: bool
    is_full: bool
    first_start_s: float
    stored: int = 0  # items of which the ledger of the project must know
    notes: dict[str, object] = field(default_factory=dict)  # more than the table shows

    def seconds(self, *, usual: float, quick: float, full: float | None = None) -> float:
        if self.is_full and full is not None:
            return full
        return quick if self.is_quick else usual

    def digested(self) -> int:
        return int(self.installation.status()["digested_events"])

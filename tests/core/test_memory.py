"""Memory that a burst took is the machine's again."""

import subprocess
import sys

from tests.benchmarks.installation import PROJECT

BURST = """
import time
from core import memory

memory.SOON_SECONDS = 0.1
before = memory.resident_kb()
parts = [bytes([n % 250]) * 2_000 for n in range(60_000)]
kept = parts[::1_000]  # what lives on, all over the heap
del parts
held = memory.resident_kb() - before
for _ in range(3):
    memory.give_back_soon()
deadline = time.monotonic() + 60
while memory.resident_kb() - before > held / 2 and time.monotonic() < deadline:
    time.sleep(0.05)
print(held, memory.resident_kb() - before)
"""


def test_it_is_given_back_soon():
    run = [sys.executable, "-c", BURST]
    said = subprocess.run(run, cwd=PROJECT, capture_output=True, text=True, check=True).stdout

    held, left = map(int, said.split())
    assert held > 80_000
    assert left < held / 2

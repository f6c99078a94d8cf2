"""The benchmarks run: what they measure is looked at by a person, but they must not rot."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("events.py", ["| ifup |", "| ppp-up, new address |"]),
        ("nat.py", ["| dualwan-hook | 1008 | - | 1008 | - |", "flows: all of 1008 kept"]),
        ("rules.py", ["| LAN to internet, PPPoE |"]),
        ("path.py", ["| MAP-E to LAN |", "| PPPoE to a forward |"]),
        ("scale.py", ["| 1,000 forwards more |", "| 10,000 foreign rules |"]),
    ],
)
def test_a_benchmark_measures_something(name, words):
    """One run of each reports, at its end, the rows that it is read for.

    Not its exit status: rules.py says by it how long something took, which no test is about.
    """
    done = subprocess.run(
        [sys.executable, "-B", BENCH / name, "--runs", "1"],
        check=False,
        capture_output=True,
        text=True,
    )
    for row in words:
        assert row in done.stdout, done.stderr

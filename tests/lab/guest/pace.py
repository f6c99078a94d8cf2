"""How slow the guest is just now.

An emulated processor is as fast as the rest of the host lets it be. A limit in seconds
therefore stretches by a pair of measurements: a bare interpreter here and now, and the same on a
quiet host with two cores, where each limit was set.
"""

from __future__ import annotations

import subprocess
import time
from statistics import median

QUIET_SECONDS = 0.11  # `python3 -I -c pass` in an emulated guest, nothing else on the host
RUNS = 7


def bare_interpreter() -> float:
    """Return the median of the seconds that `python3 -I -c pass` takes."""

    def once() -> float:
        began = time.monotonic()
        subprocess.run(["/usr/bin/python3", "-I", "-c", "pass"], check=True)
        return time.monotonic() - began

    return median(once() for _ in range(RUNS))


def stretched(seconds: float) -> float:
    """Return a limit of ``seconds`` on a quiet host for the host as it is; never a shorter one."""
    return seconds * max(1.0, bare_interpreter() / QUIET_SECONDS)

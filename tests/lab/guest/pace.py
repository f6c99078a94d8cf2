"""How slow the guest is at present.

An emulated processor is as fast as the host's load permits. A limit in seconds is therefore scaled
by two measurements: the start of a bare interpreter here and now, and on a quiet host with two
cores, where the limits were set.
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
    """Return ``seconds``, a limit for a quiet host, scaled to the present one; never shorter."""
    return seconds * max(1.0, bare_interpreter() / QUIET_SECONDS)

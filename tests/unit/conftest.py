"""What unit tests share: the log, and Hypothesis without a stopwatch, in CI with fixed examples."""

import os
from functools import cache

import pytest
from hypothesis import settings

from dualwan.slices import snat

settings.register_profile("dualwan", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("dualwan")

# A pure function of a configuration that never changes, which thousands of runs ask again.
snat.wanted_table = cache(snat.wanted_table)


@pytest.fixture(name="log")
def _log(monkeypatch):
    """Collect what would go to syslog."""
    lines = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: lines.append(line))
    return lines

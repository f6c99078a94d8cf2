"""Hypothesis as this project uses it: no stopwatch, and in CI the same examples each time."""

import os
from functools import cache

from hypothesis import settings

from dualwan.slices import snat

settings.register_profile("dualwan", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("dualwan")

# A pure function of a configuration that never changes, which thousands of runs ask again.
snat.wanted_table = cache(snat.wanted_table)

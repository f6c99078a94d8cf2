"""Hypothesis as this project uses it: no stopwatch, and in CI the same examples each time."""

import os

from hypothesis import settings

settings.register_profile("dualwan", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("dualwan")

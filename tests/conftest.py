"""What all tests share: the checkout's own source, for this process and those it starts."""

import os
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"

sys.path[:0] = [str(SRC), str(Path(__file__).parent)]
import traces  # noqa: E402 - found by the line above

os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(SRC), *filter(None, [os.environ.get("PYTHONPATH")])]
)
os.environ["LC_ALL"] = "C.UTF-8"  # English, whatever the developer speaks
# No test may read or write what belongs to the machine.
os.environ["DUALWAN_CONFIG"] = "/nonexistent/dualwan.toml"
os.environ["DUALWAN_RUN"] = "/nonexistent/run"
os.environ["DUALWAN_STATE"] = "/nonexistent/state"


@pytest.fixture(scope="module", autouse=True)
def _machine_is_left_alone():
    """Each file of tests leaves the machine as it was."""
    before = traces.left()
    yield
    assert traces.left() == before

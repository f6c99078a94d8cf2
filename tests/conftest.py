"""What all tests share: the checkout's own source, for this process and those it starts."""

import os
import sys
from pathlib import Path

SRC = Path(__file__).parents[1] / "src"

sys.path.insert(0, str(SRC))
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(SRC), *filter(None, [os.environ.get("PYTHONPATH")])]
)
# No test may read or write what belongs to the machine.
os.environ["DUALWAN_CONFIG"] = "/nonexistent/dualwan.toml"
os.environ["DUALWAN_RUN"] = "/nonexistent/run"

"""Scripts of an owner, and a process that runs them as the runner does."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

from dualwan.host import notice
from dualwan.notice.router import Router, WayState

LIMITS = (0.4, 0.3)  # seconds for a script, and from SIGTERM to SIGKILL
OLD, NEW, THIRD = "203.0.113.7", "203.0.113.99", "203.0.113.100"
SAY = 'echo "$DUALWAN_EVENT $DUALWAN_WAY $DUALWAN_OLD_ADDRESS $DUALWAN_NEW_ADDRESS"'
RUN = """
import json, sys
from dualwan.host.notice import script
script.adopt()
given = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "X": "y"}
print(json.dumps(script.run(sys.argv[1], given, *map(float, sys.argv[2:]))))
"""


def write(folder, name, text, mode=0o755):
    """Write the script NAME with TEXT, lines of sh; return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def run(path, limit=20.0, grace=LIMITS[1], **options):
    """Run a script in a process of its own; return failure and output."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, path, str(limit), str(grace)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "FOREIGN": "secret"},
        **options,
    )
    failure, output = json.loads(done.stdout)
    return SimpleNamespace(failure=failure, output=output)


def is_there(pid):
    """Whether a process exists, also as a zombie."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def router(address, *, up=True, lost=False):
    """Return a router whose PPPoE has ``address``."""
    return Router({"pppoe": WayState(up, lost, "ppp0", address, ((1, 65535),))}, "mape", "mape")


def tell(place, now, *slices):
    """Note a change as a run does."""
    notice.tell(str(place), lambda _known: now, slices, "ppp-up")

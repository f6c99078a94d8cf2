"""Carries out the host's job: sends the host each step's output live, and in the end the exit code.

A step may be a reboot, so the position in the job is kept on the guest's own disk.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

RESULTS = Path("/lab/results")
LIVE = Path("/dev/virtio-ports/lab.live")
STATE = Path("/var/lib/lab/job.json")


def main() -> None:
    """Go on with the job where the last boot left it."""
    steps = json.loads((RESULTS / "job.json").read_text())
    state = json.loads(STATE.read_text()) if STATE.exists() else {"next": 0, "exit": 0}
    with LIVE.open("wb", buffering=0) as live:
        while state["next"] < len(steps):
            step = steps[state["next"]]
            state["next"] += 1
            if step.get("reboot"):
                _keep(state)
                live.write(b"the guest reboots\n")
                subprocess.run(["systemctl", "reboot"], check=True)
                return
            code = _carry_out(step["argv"], live.fileno())
            if code not in step.get("accept", [0]):
                state["exit"] = state["exit"] or code
    subprocess.run(
        ["journalctl", "-b", "--no-pager", "-o", "short-monotonic"],
        stdout=(RESULTS / "journal.txt").open("wb"),
        check=False,
    )
    (RESULTS / "exit.json").write_text(json.dumps(state["exit"]))
    # The disk is a snapshot that nobody reads again, so no orderly shutdown is needed.
    subprocess.run(["systemctl", "poweroff", "-ff"], check=True)


def _carry_out(argv: list[str], live: int) -> int:
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=live, stderr=live, check=False
        ).returncode
    except OSError as error:
        subprocess.run(["echo", f"the guest can't run {argv[0]}: {error}"], stdout=live, check=True)
        return 127


def _keep(state: dict[str, int]) -> None:
    STATE.parent.mkdir(parents=True, exist_ok=True)
    STATE.write_text(json.dumps(state))


if __name__ == "__main__":
    main()

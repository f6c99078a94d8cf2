"""The timer of systemd that goes back from a trial; it outlives the terminal and the session."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from dualwan.errors import HostError
from dualwan.host import program
from dualwan.words import say

UNIT = "dualwan-try"
RUNNING = Path("/run/systemd/system")  # sd_booted(3)
KEPT = ("DUALWAN_CONFIG", "DUALWAN_RUN", "DUALWAN_STATE", "PYTHONPATH")
PROPERTIES = (
    "Type=oneshot",
    # After a failure it runs again; the command gives up after ATTEMPTS.
    "Restart=on-failure",
    "RestartSec=3",
    # A pppd that it dials must survive the service.
    "KillMode=process",
    "TimeoutStartSec=120",
)


def arm(seconds: int) -> None:
    """Have systemd run `dualwan-hook try --revert` in ``seconds``; raises HostError.

    systemd-run(1) returns once the timer runs.
    """
    if not RUNNING.is_dir():
        raise HostError(
            say(
                "systemd does not run here, and nothing else brings the router back if "
                "this session ends: nothing was changed; apply by dualwan-hook without "
                "a way back, or at the console"
            )
        )
    disarm()
    environment = [f"--setenv={name}={os.environ[name]}" for name in KEPT if name in os.environ]
    code, error = program.run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={UNIT}",
            "--description=Go back from a configuration that is not confirmed",
            f"--on-active={seconds}s",
            "--timer-property=AccuracySec=100ms",
            *(f"--property={one}" for one in PROPERTIES),
            *environment,
            *command(),
            "try",
            "--revert",
        ]
    )
    if code != 0:
        reason = "; ".join(error.splitlines())
        raise HostError(
            say(
                "systemd-run failed with code {code}: {reason}: nothing was changed",
                code=code,
                reason=reason,
            )
        )


def disarm() -> None:
    """Stop the timer, and forget a service that has failed; there may be neither.

    One that cannot be stopped fails nothing: without a trial it has nothing to do, and systemd-run
    refuses another one beside it.
    """
    with suppress(HostError):
        program.run(["systemctl", "stop", f"{UNIT}.timer"])
    with suppress(HostError):
        program.run(["systemctl", "reset-failed", f"{UNIT}.timer", f"{UNIT}.service"])


def command() -> list[str]:
    """Return the command line of this program without arguments."""
    called = Path(sys.argv[0])
    if called.name == "dualwan-hook" and called.is_file():
        return [str(called.resolve())]
    return [sys.executable, "-B", "-m", "dualwan.cli"]

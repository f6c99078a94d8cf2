"""Run hooks/close, the program that closes the machine without a configuration."""

from __future__ import annotations

from dualwan import output, paths
from dualwan.errors import HostError
from dualwan.host.program import run


def close(event_id: str, interface: str, config: str) -> bool:
    """Run hooks/close for an event; return whether ``interface`` may come up.

    ``config``: the path, "" for the default. The program logs its work; what it prints is printed.
    """
    try:
        code, said = run([paths.CLOSE, event_id, interface, config])
    except HostError as error:
        code, said = 1, f"dualwan-hook: {error}"
    if said:
        output.remark(said)  # for ifup, and the journal of the unit
    return code == 0

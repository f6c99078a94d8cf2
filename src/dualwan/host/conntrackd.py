"""conntrackd(8), which carries conntrack entries between two routers: what it is told when."""

from __future__ import annotations

from pathlib import Path

from dualwan.errors import HostError
from dualwan.host import program
from dualwan.words import say

PROGRAM = "conntrackd"
CONFIG = "/etc/conntrackd/conntrackd.conf"
# As its own script for keepalived has it (primary-backup.sh). The active one forgets what it has
# put into the kernel, reads the kernel anew, and sends all to the other.
AS_ACTIVE = ("-f", "-R", "-B")
# What is in this kernel ends soon, and the other sends all that it has.
AS_STANDBY = ("-t", "-n")


def run(*orders: str) -> None:
    """Give conntrackd ``orders``, one after the other; nothing where it is not set up.

    Raises HostError at the first one that it refuses.
    """
    if not Path(CONFIG).exists():
        return
    for order in orders:
        code, said = program.run([PROGRAM, "-C", CONFIG, order])
        if code:
            reason = " ".join(said.rpartition("[ERROR] ")[2].split())[:200] or f"code {code}"
            raise HostError(
                say("conntrackd {order} has failed: {reason}", order=order, reason=reason)
            )

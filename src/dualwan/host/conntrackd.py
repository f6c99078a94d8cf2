"""The orders for conntrackd(8), which carries conntrack entries between two routers."""

from __future__ import annotations

from pathlib import Path

from dualwan.errors import HostError
from dualwan.host import program
from dualwan.words import say

PROGRAM = "conntrackd"
CONFIG = "/etc/conntrackd/conntrackd.conf"
# As in its own script for keepalived (primary-backup.sh). The active router's flushes the cache of
# entries it has committed, reads the kernel's table, and sends all of it to the other router.
AS_ACTIVE = ("-f", "-R", "-B")
# Shorten the timeouts of the kernel's entries, and request all entries of the other router.
AS_STANDBY = ("-t", "-n")


def run(*orders: str) -> None:
    """Run conntrackd with each of ``orders``; nothing if it is not set up.

    Raises HostError at the first one that fails.
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

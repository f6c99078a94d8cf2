"""The rules of the NAT program, in Python: which ports a new flow may get, or why it gets none.

As src/dualwan/slices/snat/README.md tells them, for flows that all stay alive, without a word of
nft: tests/netns/test_nat_model.py holds the two against each other. A port that is drawn by lot
is the kernel's choice, so the model says which ones it may be, and is told which one it was.
"""

from collections import defaultdict

REFUSED, LOST = "refused", "lost"


class Model:
    """PORTS with a quota: LIMIT ports a host and destination, None without one."""

    def __init__(self, ports, limit):
        self.ports, self.limit = frozenset(ports), limit
        self.used, self.mappings = set(), {}
        self.counted = defaultdict(set)  # flows by protocol, host and destination

    def flow(self, kind, host, port, *to):
        """Return the ports outside that a flow's first packet may have, REFUSED or LOST."""
        mine = self.counted[kind, host, to]
        mine.add(port)
        if self.limit and len(mine) > self.limit:
            return REFUSED
        free = {one for one in self.ports if (kind, one, to) not in self.used}
        own = self.mappings.get((kind, host, port))
        return {own} if own in free else free or LOST

    def has(self, outer, kind, host, port, *to):
        """Note that the flow has the port OUTER."""
        self.used.add((kind, outer, to))
        self.mappings.setdefault((kind, host, port), outer)

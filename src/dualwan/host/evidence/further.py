"""The evidence of a way besides MAP-E and the first PPPoE session."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.errors import HostError
from dualwan.host import ping
from dualwan.host.evidence import ppp
from dualwan.model.evidence import AskedWay, OfWay

# The target of the single-hop ping if the configuration names none: IANA's address of an AFTR (RFC
# 6333 section 5.7), which is routed nowhere else.
NOWHERE = "192.0.0.1"


def look(way: AskedWay, targets: Sequence[str]) -> OfWay:
    """Return the evidence of ``way``, by which ``targets`` are pinged."""
    seen = OfWay(
        dialling=bool(way.peer) and ppp.dialling(way.peer),
        peer_there=not way.peer or ppp.has_peer(way.peer),
    )
    if not way.device:
        return seen
    try:
        host, hop = ping.who_answers(way.device, targets, NOWHERE)
    except HostError:  # without root
        return seen
    return seen._replace(asked=True, host=host, hop=hop)

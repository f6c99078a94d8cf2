"""What is to be seen of a way besides MAP-E and the first PPPoE session."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.errors import HostError
from dualwan.host import ping
from dualwan.host.evidence import ppp
from dualwan.model.evidence import AskedWay, OfWay

# Where no host may be asked: IANA's for an AFTR (RFC 6333 section 5.7), routed nowhere else. The
# ping to it has one hop to live.
NOWHERE = "192.0.0.1"


def look(way: AskedWay, targets: Sequence[str]) -> OfWay:
    """Return what is seen of ``way``, which is asked for ``targets``."""
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

"""Fill the sets of a new table from the conntrack entries that the other router began."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

from dualwan.errors import KernelError
from dualwan.host import conntrack
from dualwan.host.conntrack import (
    DESTINATION,
    GET,
    ORIGINAL,
    REPLY,
    SOURCE,
    having,
)
from dualwan.host.nfnetlink import CONNTRACK, Nfnetlink, attribute, number
from dualwan.model.resources import CarriedFlows
from dualwan.nft.carried import CarriedFlow, transaction

_IP, _PROTOCOL = 1, 2  # CTA_TUPLE_IP, CTA_TUPLE_PROTO
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3  # CTA_PROTO_NUM and so on
_TIMEOUT = 7  # CTA_TIMEOUT
_NAMES = {socket.IPPROTO_TCP: "tcp", socket.IPPROTO_UDP: "udp"}


def fill(item: CarriedFlows) -> None:
    """Add the flows of ``item`` to the sets, in one transaction; raises KernelError."""
    try:
        with Nfnetlink(CONNTRACK) as asking:
            entries = asking.dump(GET, socket.AF_INET, having(REPLY, DESTINATION, item.address))
        text, _ = transaction(item.sets, item.ports, _flows(entries))
    except OSError as error:
        raise KernelError(
            f"carrying on flows of {item.address}: {error.strerror or error}"
        ) from None
    if not text:
        return
    import nftables  # noqa: PLC0415 - loads a shared library

    code, _, said = nftables.Nftables().cmd(text)
    if code:
        reason = str(said).strip().splitlines() or ["refused without a reason"]
        raise KernelError(f"carrying on flows of {item.address}: {reason[0][:200]}")


def _flows(entries: Iterable[bytes]) -> Iterator[CarriedFlow]:
    """Yield the flows of TCP and UDP; raises OSError."""
    for entry in entries:
        original, reply = attribute(entry, ORIGINAL), attribute(entry, REPLY)
        ends, ports = attribute(original, _IP), attribute(original, _PROTOCOL)
        name = _NAMES.get(number(ports, _NUMBER))
        source = conntrack.address(socket.AF_INET, attribute(ends, SOURCE))
        destination = conntrack.address(socket.AF_INET, attribute(ends, DESTINATION))
        if name is None or not (source and destination):
            continue
        yield CarriedFlow(
            name,
            source,
            number(ports, _SOURCE_PORT),
            destination,
            number(ports, _DESTINATION_PORT),
            number(attribute(reply, _PROTOCOL), _DESTINATION_PORT),
            number(entry, _TIMEOUT),
        )

"""The use of the port set, from conntrack entries and nft counters. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from dualwan.frozen import NamedTuple, dataclass, field

PROTOCOLS = ("tcp", "udp", "icmp")
TOP = 5  # destinations and hosts in a report


class Flow(NamedTuple):
    """A flow through the shared address.

    host: the LAN host. port: the port of the port set; of ICMP echo the identifier.
    """

    protocol: str
    host: str
    destination: str
    destination_port: int
    port: int


@dataclass(frozen=True)
class Losses:
    """Counts of lost flows and packets.

    refused: flows beyond `max-share`, by host. no_port: flows that found all ports taken.
    untranslated: packets that the egress filter dropped.
    """

    refused: Mapping[str, int] = field(default_factory=dict)
    no_port: int = 0
    untranslated: int = 0

    def __add__(self, other: Losses) -> Losses:
        """Return the sums."""
        return Losses(
            dict(Counter(self.refused) + Counter(other.refused)),
            self.no_port + other.no_port,
            self.untranslated + other.untranslated,
        )

    def minus(self, other: Losses) -> Losses:
        """Return the differences, at least 0."""
        return Losses(
            dict(Counter(self.refused) - Counter(other.refused)),
            max(0, self.no_port - other.no_port),
            max(0, self.untranslated - other.untranslated),
        )


@dataclass(frozen=True)
class Usage:
    """The flows now, and the losses since boot."""

    flows: tuple[Flow, ...] = ()
    losses: Losses = Losses()

    def ports(self, protocol: str) -> int:
        """Return the number of ports that flows of ``protocol`` use."""
        return len({one.port for one in self.flows if one.protocol == protocol})

    def hosts(self) -> list[tuple[str, int]]:
        """Return the TOP hosts by number of flows, with that number."""
        return Counter(one.host for one in self.flows).most_common(TOP)

    def destinations(self) -> list[tuple[tuple[str, str, int], int]]:
        """Return the TOP destinations (protocol, address, port), with their number of ports.

        A port serves one flow to each destination, so ports run out by destination.
        """
        return Counter(
            (one.protocol, one.destination, one.destination_port) for one in self.flows
        ).most_common(TOP)

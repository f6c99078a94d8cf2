"""How much of the port set is in use: what conntrack and nft say, and what follows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

PROTOCOLS = ("tcp", "udp", "icmp")
SHOWN = 5  # destinations and hosts


@dataclass(frozen=True)
class Flow:
    """A flow of HOST to TARGET that has PORT of the port set; an identifier for ICMP echo."""

    protocol: str
    host: str
    target: str
    target_port: int
    port: int


@dataclass(frozen=True)
class Losses:
    """What went wrong, counted.

    refused: flows beyond `max-share`, by host. no_port: flows that found all ports taken.
    untranslated: packets that the guard stopped.
    """

    refused: Mapping[str, int] = field(default_factory=dict)
    no_port: int = 0
    untranslated: int = 0

    def __add__(self, other: Losses) -> Losses:
        """Both together."""
        return Losses(
            dict(Counter(self.refused) + Counter(other.refused)),
            self.no_port + other.no_port,
            self.untranslated + other.untranslated,
        )

    def minus(self, other: Losses) -> Losses:
        """What OTHER does not have of it; nothing is less than 0."""
        return Losses(
            dict(Counter(self.refused) - Counter(other.refused)),
            max(0, self.no_port - other.no_port),
            max(0, self.untranslated - other.untranslated),
        )


@dataclass(frozen=True)
class Usage:
    """What is in use now, and what went wrong since the machine started."""

    flows: tuple[Flow, ...] = ()
    losses: Losses = Losses()

    def ports(self, protocol: str) -> int:
        """How many ports flows of PROTOCOL use."""
        return len({one.port for one in self.flows if one.protocol == protocol})

    def hosts(self) -> list[tuple[str, int]]:
        """The hosts with the most flows, and how many."""
        return Counter(one.host for one in self.flows).most_common(SHOWN)

    def destinations(self) -> list[tuple[tuple[str, str, int], int]]:
        """Where most ports are in use: protocol, address and port, and how many.

        A port serves one flow to each destination, so a busy destination is what runs out.
        """
        return Counter(
            (one.protocol, one.target, one.target_port) for one in self.flows
        ).most_common(SHOWN)

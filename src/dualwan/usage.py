"""How much of the port set is in use: what conntrack and nft say, and what follows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
class Usage:
    """What is in use now, and what went wrong since the nft table is there.

    refused: flows beyond `max-share`, by host. no_port: flows that found all ports taken.
    untranslated: packets that the guard stopped.
    """

    flows: tuple[Flow, ...] = ()
    refused: dict[str, int] = field(default_factory=dict)
    no_port: int = 0
    untranslated: int = 0

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
        return Counter((one.protocol, one.target, one.target_port)
                       for one in self.flows).most_common(SHOWN)


def flows(lines: Iterable[str]) -> tuple[Flow, ...]:
    """The flows that `conntrack -L` lists, a line each: how they began, then the answer.

    Other protocols have no ports, and are left out.
    """
    entries = (line.split() for line in lines)
    return tuple(_flow(words) for words in entries if words and words[0] in PROTOCOLS)


def _flow(words: list[str]) -> Flow:
    protocol = words[0]
    original: dict[str, str] = {}
    reply: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if sign:
            (reply if name in original else original).setdefault(name, value)
    if protocol == "icmp":
        return Flow(protocol, original["src"], original["dst"], 0, int(reply["id"]))
    return Flow(protocol, original["src"], original["dst"], int(original["dport"]),
                int(reply["dport"]))

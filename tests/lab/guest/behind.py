"""Further networks behind the router, each on an interface of its own: guests, a DMZ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from guest import router
from guest.addresses import WAN, WAN_PREFIX
from guest.line import Line
from guest.namespace import ROUTER, Namespace

_COUNTING = """
table inet heard {{
    {counters}
    chain prerouting {{
        type filter hook prerouting priority raw; policy accept;
        {rules}
    }}
}}
"""


@dataclass(frozen=True)
class Network:
    """A host on the interface ``device`` of the router, in a namespace of the network's name."""

    name: str
    number: int

    @property
    def space(self) -> Namespace:
        """Where the host is."""
        return Namespace(self.name)

    @property
    def device(self) -> str:
        """The router's interface."""
        return f"{self.name}0"

    @property
    def prefix(self) -> str:
        """A /64 of the line."""
        return f"{WAN_PREFIX[:-4]}{self.number:02x}::"

    @property
    def router(self) -> tuple[str, str]:
        """The router's address of each family."""
        return f"192.168.{self.number}.1", f"{self.prefix}1"

    @property
    def host(self) -> tuple[str, str]:
        """The host's address of each family."""
        return f"192.168.{self.number}.30", f"{self.prefix}30"

    @contextmanager
    def joined(self, line: Line) -> Iterator[None]:
        """Be there for a `with` block; the WAN is up, and stays so."""
        way = next(item for item in router.addresses(WAN) if item.startswith("2400:"))
        ROUTER.ip(f"netns add {self.name}")
        self.space.ip("link set dev lo up")
        ROUTER.ip(
            f"link add name {self.device} type veth peer name eth0 netns {self.name}",
            f"address add {self.router[0]}/24 dev {self.device}",
            f"address add {self.router[1]}/64 dev {self.device} nodad",
            f"link set dev {self.device} up",
        )
        self.space.ip(
            f"address add {self.host[0]}/24 dev eth0",
            f"address add {self.host[1]}/64 dev eth0 nodad",
            "link set dev eth0 up",
            f"route add default via {self.router[0]}",
            f"route add default via {self.router[1]}",
        )
        line.isp.space.ip(f"route add {self.prefix}/64 via {way}")
        try:
            yield
        finally:
            line.isp.space.ip(f"route del {self.prefix}/64")
            ROUTER.ip(f"link del {self.device}", f"netns del {self.name}")


@contextmanager
def heard(space: Namespace, network: Network) -> Iterator[None]:
    """Count packets that reach ``space`` from hosts of ``network``, for `heard_now` to return."""
    rules = f"""
        ip saddr 192.168.{network.number}.0/24 counter name four
        ip6 saddr {network.prefix}/64 counter name six"""
    counters = "counter four { }\n    counter six { }"
    space.run("nft", "-f", "-", text=_COUNTING.format(counters=counters, rules=rules))
    try:
        yield
    finally:
        space.run("nft", "delete", "table", "inet", "heard")


def heard_now(space: Namespace) -> dict[str, int]:
    """Return the packets that came to ``space`` since `heard` or the last call, by family."""
    found = space.counters("heard")
    space.run("nft", "reset", "counters", "table", "inet", "heard")
    return found

"""How the ports of a port set are given to flows: sets and chains for TCP, UDP and ICMP. Pure.

netfilter drops a flow whose range of ports is full: it never tries the next rule. So a port
is looked up before it is used. The set of flows has an element for each port in use towards
a destination, (port . address . port); its `ct count` lets the kernel remove it within a
second or two of its connection. There are two ways to ask it:

- `!= @flows` only asks whether the element is there. Nothing is counted: a block of ports
  with `add … ct count over 16` would count those who ask as well, and once it was full stay
  full for as long as they are alive.
- `add @flows { … ct count 1 }` takes the port, unless another one's connection is alive
  there. It is exact at once, also right after `conntrack -F`, but who asks is on the list
  from then on. It is for those who mostly are answered yes.

An inner endpoint keeps its port towards all destinations (RFC 4787 REQ-1, RFC 5382 REQ-1):
the map of mappings has it from the endpoint's first flow on.

The port that is tried stands in the packet's own source port meanwhile. SNAT writes over
it from what conntrack has noted, and every path ends in SNAT; the guard drops the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dualwan.nft.table import Block, chain, dynamic, elements
from dualwan.slices.snat.match import any_block, each_port, in_turn
from dualwan.slices.snat.ports import HOMES, PLACES, Pool

# Elements a set can hold: as many as conntrack itself has entries on a machine with more than
# 4 GB (nf_conntrack_max; a quarter with less), so that conntrack is full first. About 200 bytes
# each, beside the 320 bytes of the conntrack entry that it stands for.
FLOWS = 262144
MAPPINGS = 65536  # of UDP, and half as many of TCP; about 100 bytes each
PINGS = 8192  # about 100 bytes each
NO_PORT = "no_port"  # the counter of flows that found every port taken
STEP = 16  # looks a chain: `jump` is the only loop that nft has
ENDPOINT = "ct original ip saddr . ct original proto-src"

WAYS = ("meta l4proto vmap { tcp : goto tcp_share, udp : goto udp_share, "
        "icmp : goto icmp_share }")


@dataclass(frozen=True)
class Protocol:
    """What differs between protocols, as nft text.

    port: the source port, to be written. seen: the same, to be read; "th" asks no protocol.
    inner: an inner endpoint, in a packet that nobody has written to. key: what a flow's
    destination is, beside the port that it takes. avoid: a set of ports that have an owner,
    "" for none.
    """

    name: str
    port: str
    seen: str = "th sport"
    inner: str = "ip saddr . th sport"
    key: str = "ip daddr . th dport"
    avoid: str = ""

    @property
    def flow(self) -> str:
        """The key of the set of flows."""
        return f"{self.seen} . {self.key}"

    @property
    def unused(self) -> str:
        """The port that is in the packet is free towards its destination."""
        return f"{self.flow} != @{self.name}_flows"

    @property
    def free(self) -> str:
        """It is, and has no owner."""
        owned = f"{self.seen} != @{self.avoid} " if self.avoid else ""
        return owned + self.unused

    @property
    def take(self) -> str:
        """Take it; a condition that is not met where it is another's, or the set is full."""
        return f"add @{self.name}_flows {{ {self.flow} ct count 1 }}"

    @property
    def recall(self) -> str:
        """Write the endpoint's own port into the packet; not met where it has none."""
        return (f"meta l4proto {self.name} {self.port} set {self.inner} "
                f"map @{self.name}_mappings")

    @property
    def learn(self) -> str:
        """Learn that it is the endpoint's, or that it still is."""
        return (f"meta l4proto {self.name} update @{self.name}_mappings "
                f"{{ {ENDPOINT} : {self.seen} }}")


TCP = Protocol("tcp", "tcp sport")
UDP = Protocol("udp", "udp sport")
ICMP = Protocol("icmp", "icmp id", "icmp id", ENDPOINT, "ip daddr")


@dataclass(frozen=True)
class Crowd:
    """Rules of quota.py for flows that take no port of their host's home.

    unasked: the condition that the host was not asked yet; count: count the flow;
    join: ask the host from now on.
    """

    unasked: str
    count: str
    join: list[str]


def sets(identity: str) -> list[Block]:
    """What is in use, and the mappings, which are of the port set IDENTITY."""
    flows = "type inet_service . ipv4_addr . inet_service"
    mappings = "type ipv4_addr . inet_service : inet_service"
    return [
        dynamic("set", "tcp_flows", flows, FLOWS),
        dynamic("set", "udp_flows", flows, FLOWS),
        dynamic("set", "icmp_flows", "typeof icmp id . ip daddr", FLOWS // 4),
        # TCP opens an endpoint a connection: they come and go faster.
        dynamic("map", "tcp_mappings", mappings, MAPPINGS // 2, "15m", identity),
        dynamic("map", "udp_mappings", mappings, MAPPINGS, "1h", identity),
        dynamic("map", "icmp_mappings", "typeof ip saddr . th sport : icmp id", PINGS, "1m",
                identity),
    ]


@dataclass(frozen=True)
class Sharing:
    """The chains where a flow that leaves by the tunnel gets its port; `WAYS` leads there.

    timeouts: rules that TCP and UDP begin with, crowd: what fairness asks, both by protocol
    name. avoid: the set of UDP ports that have an owner.
    """

    pool: Pool
    timeouts: dict[str, list[str]]
    crowd: dict[str, Crowd]
    avoid: str = ""

    def chains(self) -> list[Block]:
        """All of it."""
        udp = replace(UDP, avoid=self.avoid)
        return [found for protocol in (TCP, udp, ICMP) for found in self._chains(protocol)]

    def _chains(self, protocol: Protocol) -> list[Block]:
        """Its own port; else one of the host's home, the commons, or anybody's home."""
        name = protocol.name
        return [
            chain(f"{name}_share",
                  *(["icmp type != echo-request return"] if protocol is ICMP else []),
                  *self.timeouts.get(name, []),
                  f"{protocol.recall} goto {name}_known",
                  *self.at_home(protocol, f"{name}_take"),
                  *self._crowd(name, asked_once=True),
                  f"goto {name}_search"),
            *self._known(protocol),
            *self._search(protocol),
            chain(f"{name}_take",
                  f"{protocol.take} goto {name}_taken",
                  f"goto {name}_any"),
            chain(f"{name}_taken", protocol.learn, self._snat(protocol)),
            # Where the set is full: any port, and netfilter sees whether it is free.
            chain(f"{name}_any", f"meta l4proto {name} snat ip to {any_block(self.pool)}"),
            *self._homes(protocol),
        ]

    def _crowd(self, name: str, *, asked_once: bool) -> list[str]:
        """Rules for a flow that takes no port of its home."""
        crowd = self.crowd.get(name)
        if not crowd:
            return []
        return [f"{crowd.unasked} {crowd.count}" if asked_once else crowd.count, *crowd.join]

    def _snat(self, protocol: Protocol) -> str:
        if protocol is ICMP:  # nft takes an identifier for no port
            return f"meta l4proto icmp snat ip to {each_port(self.pool, ICMP.seen)}"
        return f"meta l4proto {protocol.name} snat ip to {self.pool.address} : {protocol.seen}"

    def _known(self, protocol: Protocol) -> list[Block]:
        """An endpoint keeps its port, unless it is another one's towards this destination.

        With a port that is not of its home, its host is one of a crowd.
        """
        name, reserved = protocol.name, elements(map(str, self.pool.reserved))
        away = self._crowd(name, asked_once=True)
        return [
            chain(f"{name}_known",
                  *([f"{protocol.seen} {reserved} goto {name}_another"]
                    if self.pool.reserved else []),
                  f"{protocol.take} goto {name}_{'kept' if away else 'taken'}",
                  f"goto {name}_another"),
            *([chain(f"{name}_kept", f"{self.is_home(protocol)} goto {name}_taken", *away,
                     f"goto {name}_taken")] if away else []),
            chain(f"{name}_another",
                  *self.at_home(protocol, f"{name}_take"),
                  *self._crowd(name, asked_once=False),
                  f"goto {name}_search"),
        ]

    def _search(self, protocol: Protocol) -> list[Block]:
        """A port of the commons, or of any home.

        After `conntrack -F` only the elements are there, without their connections. Then the
        next port of each is tried, and no others: of a set that is in use, many who ask would
        leave so many traces that ports look used when they are free again.
        """
        name = protocol.name
        places = {place: ports for place, ports in (
            ("commons", self.pool.commons), ("homes", self.pool.anybodys)) if ports}
        return [
            chain(f"{name}_search",
                  *(rule for place, ports in places.items() for rule in (
                      f"jump {name}_{place}",
                      *_looks(protocol, place, len(ports), f"{name}_take"))),
                  *(rule for place in places for rule in (
                      f"jump {name}_{place}", f"{protocol.take} goto {name}_taken")),
                  f"counter name {NO_PORT}",
                  f"goto {name}_any"),
            *(found for place, ports in places.items() for found in (
                chain(f"{name}_{place}", f"{protocol.port} set {in_turn(ports)}"),
                *_look(protocol, place))),
        ]

    def at_home(self, protocol: Protocol, then: str) -> list[str]:
        """Rules that look at each port of the host's home; with one that is free they go on THEN.

        Where there is but one home, that is what the search sees.
        """
        if not self._divided(protocol):
            return []
        return [self._home(protocol, "jump"),
                *_looks(protocol, "home", self.pool.home, then)]

    def _divided(self, protocol: Protocol) -> bool:
        return len(self.pool.homes) > 1 and protocol is not ICMP  # pings are few

    def _homes(self, protocol: Protocol) -> list[Block]:
        """The next port of the host's home."""
        if not self._divided(protocol):
            return []
        name = protocol.name
        return [
            chain(f"{name}_home", self._home(protocol, "goto")),
            *(chain(f"{name}_home_{at}", f"{protocol.port} set {in_turn(ports)}")
              for at, ports in enumerate(self.pool.homes)),
            *_look(protocol, "home"),
        ]

    def _home(self, protocol: Protocol, verb: str) -> str:
        """A rule that goes to the home of the host."""
        return f"ip saddr & 0.0.0.{HOMES - 1} vmap " + elements(
            f"0.0.0.{at} : {verb} {protocol.name}_home_{at}" for at in range(HOMES))

    def is_home(self, protocol: Protocol) -> str:
        """The condition that the port in a packet is of its host's home."""
        return (f"ip saddr & 0.0.0.{HOMES - 1} . {protocol.seen} & {PLACES - 1:#06x} "
                + elements(f"0.0.0.{at} . {at}" for at in range(HOMES)))


def _look(protocol: Protocol, place: str) -> list[Block]:
    """The next port of PLACE, unless the one that is in the packet is free; 1 or 16 times."""
    here = f"{protocol.name}_{place}"
    return [chain(f"{here}_look", f"{protocol.free} return", f"goto {here}"),
            chain(f"{here}_look_{STEP}", *[f"jump {here}_look"] * STEP)]


def _looks(protocol: Protocol, place: str, count: int, then: str) -> list[str]:
    """Rules that look at COUNT ports of PLACE, of which the first is in the packet."""
    look, found = f"jump {protocol.name}_{place}_look", f"{protocol.free} goto {then}"
    many, few = divmod(count - 1, STEP)
    more = [*[f"{look}_{STEP}"] * many, *[look] * few]
    return [found, *more, *([found] if more else [])]

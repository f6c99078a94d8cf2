"""A flow as nft text: its port, and how a port is tested and claimed. Pure.

netfilter drops a flow whose port range is full; it does not try the next rule. So a port is looked
up before it is used. The set of flows has an element for each port in use towards a destination,
(port . address . port). Its `ct count` lets the kernel remove the element within a second or two
after its connection is gone. Rules query the set in two ways:

- `!= @flows` tests whether the element exists, and counts nothing. (A count per block of ports,
  `add … ct count over 16`, would also count the flows that only test. A full block would stay full
  for as long as those are alive.)
- `add @flows { … ct count 1 }` claims the port, unless another living connection has it. The answer
  is exact at once, also right after `conntrack -F`, but even a failed claim puts the connection on
  the element's list. So only a port that is probably free is claimed.

While a port is tried, it stands in the packet's own source port field. SNAT overwrites the field,
by the tuple in conntrack. Every path ends in SNAT; the egress filter drops the rest.

Each write adjusts the checksum, even a UDP checksum of 0, which means "none" (RFC 768) and which
netfilter's own translation leaves alone: the receiver would find a wrong checksum. So a packet
without one is marked before the first write, and has its checksum cleared after the last.
"""

from __future__ import annotations

from dualwan.frozen import dataclass
from dualwan.nft.table import Block, commented
from dualwan.slices import marks
from dualwan.slices.snat import names, repeat
from dualwan.slices.snat.names import Chain

ENDPOINT = "ct original ip saddr . ct original proto-src"  # also after the port was overwritten


@dataclass(frozen=True)
class L4:
    """The nft expressions of one protocol.

    port: the source port, to write. seen: the same, to read; "th" needs no match on the protocol.
    inner: the inner endpoint, in a packet whose port is not overwritten yet. destination: the
    destination of a flow. owned: name of the set of ports that an open host owns, "" for none.
    not_carried: match if no carried flow of another router has the port in the packet, "" without
    another router. before_writes, after_writes: rules to run before the first and after the last
    write of the port. Properties whose docstring is an imperative are statements that act and match
    at once.
    """

    name: str
    port: str
    seen: str = "th sport"
    inner: str = "ip saddr . th sport"
    destination: str = "ip daddr . th dport"
    owned: str = ""
    not_carried: str = ""
    before_writes: tuple[str, ...] = ()
    after_writes: tuple[str, ...] = ()

    @property
    def flow(self) -> str:
        """Key of the set of flows."""
        return f"{self.seen} . {self.destination}"

    @property
    def unused(self) -> str:
        """Match if the port in the packet is not in use towards the destination."""
        return f"{self.not_carried}{self.flow} != @{names.FLOWS.format(self.name)}"

    @property
    def free(self) -> str:
        """Match if the port in the packet is not in use there, and no open host owns it."""
        return self._not_owned + self.unused

    @property
    def spare(self) -> str:
        """Match if the port in the packet is free, and no endpoint has it."""
        return f"{self.seen} != @{names.MAPPED.format(self.name)} {self.free}"

    @property
    def claim(self) -> str:
        """Claim the port; no match if another flow has it, or the set is full."""
        claim = f"add @{names.FLOWS.format(self.name)} {{ {self.flow} ct count 1 }}"
        return f"{self.not_carried}{claim}"

    @property
    def take(self) -> str:
        """Claim the port as ``claim`` does, but none that an open host owns."""
        return self._not_owned + self.claim

    @property
    def _not_owned(self) -> str:
        return f"{self.seen} != @{self.owned} " if self.owned else ""

    @property
    def recall(self) -> str:
        """Write the endpoint's mapped port into the packet; no match if it has no mapping."""
        return (
            f"meta l4proto {self.name} {self.port} set {self.inner} "
            f"map @{names.MAPPINGS.format(self.name)}"
        )

    @property
    def learn(self) -> str:
        """Add the mapping of endpoint to port, or renew its lifetime."""
        return (
            f"meta l4proto {self.name} update @{names.MAPPINGS.format(self.name)} "
            f"{{ {ENDPOINT} : {self.seen} }}"
        )

    @property
    def note(self) -> str:
        """Note that an endpoint has the port, or renew the lifetime of the note."""
        return f"update @{names.MAPPED.format(self.name)} {{ {self.seen} }}"

    def count(self, limit: int) -> str:
        """Count the flow for its link address; match if that has more than ``limit`` of them."""
        held = names.HELD.format(self.name)
        return f"add @{held} {{ ether saddr . {self.destination} ct count over {limit} }}"

    def count_routed(self, limit: int) -> str:
        """Count the flow for its source address; match if that has more than ``limit`` of them."""
        held = names.HELD_ROUTED.format(self.name)
        return f"add @{held} {{ ip saddr . {self.destination} ct count over {limit} }}"

    def chain(self, which: Chain, *rules: str) -> Block:
        """Return the chain ``which`` of this protocol."""
        return which.block(*rules, of=(self.name,))

    def to(self, which: Chain) -> str:
        """Return the name of the chain ``which`` of this protocol."""
        return which.of(self.name)


TCP = L4("tcp", "tcp sport")
_UNSUMMED = marks.of_unsummed()
UDP = L4(
    "udp",
    "udp sport",
    before_writes=(
        commented(
            f"udp checksum 0 {marks.assign('meta mark', _UNSUMMED)}",
            "without a checksum, which it is not to get by a write",
        ),
    ),
    after_writes=(
        f"{marks.is_set('meta mark', _UNSUMMED)} udp checksum set 0 {marks.clear('meta mark')}",
    ),
)
ICMP = L4("icmp", "icmp id", "icmp id", ENDPOINT, "ip daddr")


@dataclass(frozen=True)
class Search:
    """Candidate ports that are written into the packet and tested, one after the other.

    name: of its chains. write: the chain that writes a port. test: match of an acceptable port.
    """

    l4: L4
    name: str
    write: Chain
    test: str

    def tries(self, count: int, then: Chain) -> list[str]:
        """Return rules that try ``count`` ports, and go to ``then`` at the first acceptable one."""
        found = f"{self.test} goto {self.l4.to(then)}"
        groups = repeat.jumps(names.PROBE.of(self.name), names.PROBES, self.name, count - 1)
        return [
            f"jump {self.l4.to(self.write)}",
            commented(found, f"{count} ports at the most"),
            *(rule for group in groups for rule in (*group, found)),
        ]

    def chains(self, count: int) -> list[Block]:
        """Return the chains for ``tries`` of ``count`` ports, or less.

        PROBE returns if the port is acceptable, else it writes another; PROBES repeats it.
        """
        if count == 1:
            return []
        probe, again = names.PROBE.of(self.name), f"goto {self.l4.to(self.write)}"
        return [
            names.PROBE.block(f"{self.test} return", again, of=(self.name,)),
            *repeat.chains(probe, names.PROBES, self.name, count - 1),
        ]

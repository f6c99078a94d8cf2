"""A flow as nft text: its port, and how a port is tested and claimed. Pure.

netfilter drops a flow whose port range is full; it does not try the next rule. So a port is
looked up before it is used. The set of flows has an element for each port in use towards a
destination, (port . address . port). Its `ct count` lets the kernel remove the element within
a second or two after its connection is gone. Rules query the set in two ways:

- `!= @flows` tests whether the element exists, and counts nothing. (A count per block of
  ports, `add … ct count over 16`, would also count the flows that only test. A full block
  would stay full for as long as those are alive.)
- `add @flows { … ct count 1 }` claims the port, unless another living connection has it. The
  answer is exact at once, also right after `conntrack -F`, but even a failed claim puts the
  connection on the element's list. So only a port that is probably free is claimed.

While a port is tried, it stands in the packet's own source port field. SNAT overwrites it,
from the tuple in conntrack. Every path ends in SNAT; the egress filter drops the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from dualwan.nft.table import Block, commented, elements
from dualwan.slices.snat import names
from dualwan.slices.snat.names import Chain
from dualwan.slices.snat.ports import BUCKETS, STRIDE, Pool

_STEP = 16  # probes per PROBES chain: repeated `jump` is the only loop in nft
ENDPOINT = "ct original ip saddr . ct original proto-src"  # also after the port was overwritten
_HOST_BUCKET = f"ip saddr & 0.0.0.{BUCKETS - 1}"  # 0.0.0.N for bucket N


@dataclass(frozen=True)
class L4:
    """The nft expressions of one protocol.

    port: the source port, to write. seen: the same, to read; "th" needs no match on the
    protocol. inner: the inner endpoint, in a packet whose port is not overwritten yet.
    destination: the destination of a flow. owned: name of the set of ports that an open host
    owns, "" for none. Properties whose docstring is an imperative are statements that act and
    match at once.
    """

    name: str
    port: str
    seen: str = "th sport"
    inner: str = "ip saddr . th sport"
    destination: str = "ip daddr . th dport"
    owned: str = ""

    @property
    def towards(self) -> str:
        """Key of a host and the flow's destination."""
        return f"ip saddr . {self.destination}"

    @property
    def flow(self) -> str:
        """Key of the set of flows."""
        return f"{self.seen} . {self.destination}"

    @property
    def unused(self) -> str:
        """Match if the port in the packet is not in use towards the destination."""
        return f"{self.flow} != @{names.FLOWS.format(self.name)}"

    @property
    def free(self) -> str:
        """Match if the port in the packet is not in use there, and no open host owns it."""
        return (f"{self.seen} != @{self.owned} " if self.owned else "") + self.unused

    @property
    def claim(self) -> str:
        """Claim the port; no match if another flow has it, or the set is full."""
        return f"add @{names.FLOWS.format(self.name)} {{ {self.flow} ct count 1 }}"

    @property
    def disown(self) -> str:
        """Delete the port's element if its connection is gone; no match if it is alive."""
        held = names.FLOWS.format(self.name)
        return f"{self.flow} @{held} delete @{held} {{ {self.flow} }}"

    @property
    def recall(self) -> str:
        """Write the endpoint's mapped port into the packet; no match if it has no mapping."""
        return (
            f"meta l4proto {self.name} {self.port} set {self.inner} "
            f"map @{names.MAPPINGS.format(self.name)}"
        )

    @property
    def restore(self) -> str:
        """Write the original source port back into the packet."""
        return f"meta l4proto {self.name} {self.port} set ct original proto-src"

    @property
    def learn(self) -> str:
        """Add the mapping of endpoint to port, or renew its lifetime."""
        return (
            f"meta l4proto {self.name} update @{names.MAPPINGS.format(self.name)} "
            f"{{ {ENDPOINT} : {self.seen} }}"
        )

    def count(self, limit: int) -> str:
        """Count the flow; match if its host now has more than ``limit`` to the destination."""
        held = names.METERED_FLOWS.format(self.name)
        return f"add @{held} {{ {self.towards} ct count over {limit} }}"

    def chain(self, which: Chain, *rules: str) -> Block:
        """Return the chain ``which`` of this protocol."""
        return which.block(*rules, of=(self.name,))

    def to(self, which: Chain) -> str:
        """Return the name of the chain ``which`` of this protocol."""
        return which.of(self.name)


TCP = L4("tcp", "tcp sport")
UDP = L4("udp", "udp sport")
ICMP = L4("icmp", "icmp id", "icmp id", ENDPOINT, "ip daddr")


def has_buckets(l4: L4, pool: Pool) -> bool:
    """Whether hosts have a bucket for this protocol; pings are too few to need one."""
    return bool(pool.buckets) and l4 is not ICMP


def own_bucket(l4: L4, pool: Pool, then: Chain) -> list[str]:
    """Return rules that try each port of the host's bucket, and go to ``then`` with a free one.

    Without buckets there are no rules; the search finds a port.
    """
    if not has_buckets(l4, pool):
        return []
    return [to_bucket(l4, "jump"), *tries(l4, names.BUCKET, pool.bucket_size, then)]


def to_bucket(l4: L4, verb: str) -> str:
    """Return a rule that leads (``verb``: jump or goto) to the chain of the host's bucket."""
    return commented(
        f"{_HOST_BUCKET} vmap "
        + elements(
            f"0.0.0.{at} : {verb} {names.BUCKET_NUMBER.of(l4.name, at)}" for at in range(BUCKETS)
        ),
        "bucket = host's address mod 8",
    )


def in_bucket(l4: L4) -> str:
    """Return the match of a port in the packet that is of its host's bucket."""
    return f"{_HOST_BUCKET} . {l4.seen} & {STRIDE - 1:#06x} " + elements(
        f"0.0.0.{at} . {at}" for at in range(BUCKETS)
    )


def tries(l4: L4, place: Chain, count: int, then: Chain) -> list[str]:
    """Return rules that try ``count`` ports of ``place``; the first is in the packet already."""
    one = f"jump {names.PROBE.of(place.of(l4.name))}"
    many = f"jump {names.PROBES.of(place.of(l4.name))}"
    found = f"{l4.free} goto {l4.to(then)}"
    steps, rest = divmod(count - 1, _STEP)
    if count == 1:
        return [found]
    comment = f"{count} ports = 1 + {steps} x {_STEP} + {rest}"
    return [commented(found, comment), *[many] * steps, *[one] * rest, found]


def probes(l4: L4, place: Chain, count: int) -> list[Block]:
    """Return the chains for ``tries``: PROBE returns if the port is free, else writes the next.

    PROBES is sixteen times PROBE, for places of more than 16 ports.
    """
    here = place.of(l4.name)
    once = names.PROBE.of(here)
    return [
        *(
            [names.PROBE.block(f"{l4.free} return", f"goto {here}", of=(here,))]
            if count > 1
            else []
        ),
        *([names.PROBES.block(*[f"jump {once}"] * _STEP, of=(here,))] if count > _STEP else []),
    ]

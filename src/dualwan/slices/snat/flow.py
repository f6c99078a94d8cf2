"""A flow as nft text: where its port stands, how a port is asked for and taken. Pure.

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

The port that is tried stands in the packet's own source port meanwhile. SNAT writes over
it from what conntrack has noted, and every path ends in SNAT; the egress filter drops the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from dualwan.nft.table import Block, commented, elements
from dualwan.slices.snat import names
from dualwan.slices.snat.names import Chain
from dualwan.slices.snat.ports import BUCKETS, STRIDE, Pool

STEP = 16  # probes a chain: `jump` is the only loop that nft has
ENDPOINT = "ct original ip saddr . ct original proto-src"
HOST = f"ip saddr & 0.0.0.{BUCKETS - 1}"  # the bucket of a host


@dataclass(frozen=True)
class L4:
    """What differs between protocols, as nft text.

    port: the source port, to be written. seen: the same, to be read; "th" asks no protocol.
    inner: an inner endpoint, in a packet that nobody has written to. destination: what a
    flow's destination is, beside the port that it takes. owned: a set of ports that have an
    owner, "" for none.
    """

    name: str
    port: str
    seen: str = "th sport"
    inner: str = "ip saddr . th sport"
    destination: str = "ip daddr . th dport"
    owned: str = ""

    @property
    def towards(self) -> str:
        """A host and its destination."""
        return f"ip saddr . {self.destination}"

    @property
    def flow(self) -> str:
        """The key of the set of flows."""
        return f"{self.seen} . {self.destination}"

    @property
    def unused(self) -> str:
        """The port that is in the packet is free towards its destination."""
        return f"{self.flow} != @{names.FLOWS.format(self.name)}"

    @property
    def free(self) -> str:
        """It is, and has no owner."""
        return (f"{self.seen} != @{self.owned} " if self.owned else "") + self.unused

    @property
    def claim(self) -> str:
        """Take it; a condition that is not met where it is another's, or the set is full."""
        return f"add @{names.FLOWS.format(self.name)} {{ {self.flow} ct count 1 }}"

    @property
    def disown(self) -> str:
        """Forget an element whose connection is gone; not met where it is alive."""
        held = names.FLOWS.format(self.name)
        return f"{self.flow} @{held} delete @{held} {{ {self.flow} }}"

    @property
    def recall(self) -> str:
        """Write the endpoint's own port into the packet; not met where it has none."""
        return (
            f"meta l4proto {self.name} {self.port} set {self.inner} "
            f"map @{names.MAPPINGS.format(self.name)}"
        )

    @property
    def restore(self) -> str:
        """Write the port that the packet came with."""
        return f"meta l4proto {self.name} {self.port} set ct original proto-src"

    @property
    def learn(self) -> str:
        """Learn that the port is the endpoint's, or that it still is."""
        return (
            f"meta l4proto {self.name} update @{names.MAPPINGS.format(self.name)} "
            f"{{ {ENDPOINT} : {self.seen} }}"
        )

    def count(self, limit: int) -> str:
        """Count the flow; met where its host has more than ``limit`` towards the destination."""
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
    """Return whether hosts have ports of their own for this protocol. Pings are few."""
    return bool(pool.buckets) and l4 is not ICMP


def own_bucket(l4: L4, pool: Pool, then: Chain) -> list[str]:
    """Return rules that try each port of the host's bucket, and go on to ``then`` with a free one.

    None where there are no buckets: that is what the search is for.
    """
    if not has_buckets(l4, pool):
        return []
    return [to_bucket(l4, "jump"), *tries(l4, names.BUCKET, pool.bucket_size, then)]


def to_bucket(l4: L4, verb: str) -> str:
    """Return a rule that has the next port of the host's bucket written into the packet."""
    return commented(
        f"{HOST} vmap "
        + elements(
            f"0.0.0.{at} : {verb} {names.BUCKET_NUMBER.of(l4.name, at)}" for at in range(BUCKETS)
        ),
        "bucket = host's address mod 8",
    )


def in_bucket(l4: L4) -> str:
    """Return the condition that the port in the packet is of its host's bucket."""
    return f"{HOST} . {l4.seen} & {STRIDE - 1:#06x} " + elements(
        f"0.0.0.{at} . {at}" for at in range(BUCKETS)
    )


def tries(l4: L4, place: Chain, count: int, then: Chain) -> list[str]:
    """Return rules that try ``count`` ports of ``place``, of which the first is in the packet."""
    one = f"jump {names.PROBE.of(place.of(l4.name))}"
    many = f"jump {names.PROBES.of(place.of(l4.name))}"
    found = f"{l4.free} goto {l4.to(then)}"
    steps, rest = divmod(count - 1, STEP)
    if count == 1:
        return [found]
    said = f"{count} ports = 1 + {steps} x {STEP} + {rest}"
    return [commented(found, said), *[many] * steps, *[one] * rest, found]


def probes(l4: L4, place: Chain, count: int) -> list[Block]:
    """Return the chains that ``tries`` leads to: the port in the packet is free, or is the next.

    Once, and sixteen times in turn where there are so many.
    """
    here = place.of(l4.name)
    once = names.PROBE.of(here)
    return [
        *(
            [names.PROBE.block(f"{l4.free} return", f"goto {here}", of=(here,))]
            if count > 1
            else []
        ),
        *([names.PROBES.block(*[f"jump {once}"] * STEP, of=(here,))] if count > STEP else []),
    ]

"""The names of all chains, sets, maps and counters of the table, with their purpose. Pure.

`nft list ruleset` shows the description of a chain as its comment. README.md draws the path of
a packet through the chains. Sets and maps keep their elements over a reload of the table only
under the same name: a rename loses what packets have put there.
"""

from __future__ import annotations

from typing import NamedTuple

from dualwan.nft.table import Block, Statement, base_chain, chain


class Chain(NamedTuple):
    """The name and comment of a chain, and the hook of a base chain.

    ``{}`` in the name stands for tcp, udp or icmp, for the number of a bucket, or for the name
    of a way.
    """

    name: str
    comment: str
    hook: str = ""

    def of(self, *parts: object) -> str:
        """Return the name with ``parts`` in the place of each ``{}``."""
        return self.name.format(*parts)

    def block(self, *rules: Statement, of: tuple[object, ...] = ()) -> Block:
        """Return the chain with ``rules``; ``of``: the parts of its name."""
        if self.hook:
            return base_chain(self.name, self.hook, *rules, comment=self.comment)
        return chain(self.of(*of), *rules, comment=self.comment)


# Base chains, in the order in which a packet from the LAN meets them. The kernel runs all nat
# chains of a hook one after another at the priority of nat itself (nf_nat_inet_fn), until one
# translates. The priority of a chain is only its place among them: ours come before those of
# Docker, libvirt, podman and iptables (srcnat, dstnat), whichever was loaded last.
PREROUTING = Chain(
    "prerouting",
    "the first packet of a flow: servers in the LAN, then the quota",
    "type nat hook prerouting priority dstnat - 10; policy accept;",
)
OUTPUT = Chain(
    "output",
    "the first packet of a flow of the router itself: servers in the LAN by its public addresses",
    "type nat hook output priority -110; policy accept;",
)
POSTROUTING = Chain(
    "postrouting",
    "the first packet of a flow: its source becomes that of the WAN it leaves by",
    "type nat hook postrouting priority srcnat - 10; policy accept;",
)
EGRESS_FILTER = Chain(
    "egress_filter",
    "every packet: only the shared address with a port of the set leaves",
    "type filter hook postrouting priority srcnat + 10; policy accept;",
)
EGRESS_FILTER_ICMP = Chain(
    "egress_filter_icmp", "the same for ICMP: the identifier of an echo is its port"
)
# Those of the nat chains as numbers, by hook, to compare with others' chains.
NAT_PRIORITIES = {"prerouting": -110, "output": -110, "postrouting": 90}
BASE_CHAINS = (PREROUTING, OUTPUT, POSTROUTING, EGRESS_FILTER)

# Allocation: a port for a new flow by the tunnel.
ALLOCATE = Chain("{}_allocate", "the port of its mapping, of its bucket, or another one")
CLAIM_MAPPED = Chain("{}_claim_mapped", "its endpoint has this port towards everybody")
KEEP = Chain("{}_keep", "outside the bucket of its host it counts for the quota")
REMAP = Chain("{}_remap", "another flow has it towards this destination: a port for this one only")
CLAIM = Chain("{}_claim", "this port is free towards the destination: take it")
CLAIMED = Chain("{}_claimed", "remember it as the endpoint's, and translate")
ANY_BLOCK = Chain("{}_any_block", "no port or no room in the set: netfilter picks one of a block")
SEARCH = Chain("{}_search", "each port of the overflow, then each of all buckets")
BUCKET = Chain("{}_bucket", "to the bucket of the host, by the last 3 bits of its address")
BUCKET_NUMBER = Chain("{}_bucket_{}", "the next port of this bucket")
OVERFLOW = Chain("{}_overflow", "the next port of the overflow")
ALL_BUCKETS = Chain("{}_all_buckets", "the next port of all buckets")
PROBE = Chain("{}_probe", "back if the port is free, else the next one")
PROBES = Chain("{}_probes", "16 ports more at the most, for nft has no loop")
TRANSLATE = Chain("translate", "of so many ports none has to be looked for")
ALLOCATION_CHAINS = (
    ALLOCATE,
    CLAIM_MAPPED,
    KEEP,
    REMAP,
    CLAIM,
    CLAIMED,
    ANY_BLOCK,
    SEARCH,
    BUCKET,
    BUCKET_NUMBER,
    OVERFLOW,
    ALL_BUCKETS,
    TRANSLATE,
)

# The quota: no host holds more than max-share of the ports towards one destination.
QUOTA = Chain("quota_metered", "is this host metered towards this destination?")
QUOTA_OF = Chain("{}_quota", "by the tunnel: does the flow have or find a port of its bucket?")
QUOTA_OF_EACH = Chain("{}_quota", "by the tunnel: every flow counts")
QUOTA_MAPPED = Chain("{}_quota_mapped", "of its bucket, or taken: not counted; else counted")
QUOTA_ELSEWHERE = Chain("{}_quota_elsewhere", "a free port outside its bucket: counted")
QUOTA_COUNT = Chain("{}_quota_count", "count the flow against the quota")
QUOTA_EXCEEDED = Chain("{}_quota_exceeded", "refused, unless its bucket has room after all")
QUOTA_PASS = Chain("{}_quota_pass", "goes on with the source port that it came with")
REFUSE = Chain("refuse", "count it for its host, and say so at once")
QUOTA_CHAINS = (
    QUOTA,
    QUOTA_OF,
    QUOTA_OF_EACH,
    QUOTA_MAPPED,
    QUOTA_ELSEWHERE,
    QUOTA_COUNT,
    QUOTA_EXCEEDED,
    QUOTA_PASS,
    REFUSE,
)

# Servers in the LAN, and hosts with an open NAT.
MAPE_INBOUND = Chain("mape_inbound", "from outside to the shared address: forwards, open hosts")
MAPE_HAIRPIN = Chain("mape_hairpin", "from inside to the shared address: forwards, open hosts")
OPEN_NAT = Chain("open_nat", "an open host sends: it owns its port, and who may answer it is noted")
SESSION_INBOUND = Chain("{}_inbound", "from outside to the session's address: forwards")
SESSION_HAIRPIN = Chain("{}_hairpin", "from inside to the session's address: forwards, marked")
INBOUND_CHAINS = (MAPE_INBOUND, MAPE_HAIRPIN, OPEN_NAT, SESSION_INBOUND, SESSION_HAIRPIN)

# The places of ports. The chain of a place writes its next port; PROBE and PROBES test it.
PLACES = (BUCKET, OVERFLOW, ALL_BUCKETS)
JUMP_CHAINS = (EGRESS_FILTER_ICMP, *ALLOCATION_CHAINS, *QUOTA_CHAINS, *INBOUND_CHAINS)

# Counters.
UNTRANSLATED = "untranslated"  # packets that the egress filter has dropped
NO_PORT = "no_port"  # flows that found every port taken

# Sets and maps that packets fill. Those of allocation, open NAT and refusals keep their
# elements over an upgrade: their names and types are those of 0.1.0.
FLOWS = "{}_flows"  # (port, destination): in use while the connection lives
MAPPINGS = "{}_mappings"  # inner address and port : outer port
OPEN_OWNED = "open_owned"  # ports that an open host owns: kernel 6.1 tests no map as it tests a set
OPEN_PORTS = "open_ports"  # such a port : the inner endpoint
OPEN_PEERS = "open_peers"  # such a port, and an address it sent to : the inner endpoint
REFUSED = "refused"  # hosts, with a counter of refused flows
METERED_PROTOCOLS = "metered_protocols"  # protocols with a metered host
METERED = "{}_metered"  # (host, destination): the host has outgrown its bucket there
METERED_FLOWS = "{}_metered_flows"  # (host, destination): the flows that count for the quota

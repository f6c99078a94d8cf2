"""The names of all chains, sets, maps and counters of the table, with their purpose. Pure.

`nft list ruleset` shows the description of a chain as its comment. README.md draws the path of a
packet through the chains. Sets and maps keep their elements over a reload of the table only under
the same name: a rename loses the elements that packets have added.
"""

from __future__ import annotations

from dualwan.frozen import NamedTuple
from dualwan.nft.table import Block, Statement, base_chain, chain


class Chain(NamedTuple):
    """The name and comment of a chain, and the hook of a base chain.

    ``{}`` in the name stands for tcp, udp or icmp, for a kind of search, for the name of a way,
    or for a number of repetitions.
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
# translates. The priority of a chain only orders it among them: ours come before those of Docker,
# libvirt, podman and iptables (srcnat, dstnat), whichever was loaded last.
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
# The priorities of the nat chains by hook, for a comparison with other programs' chains.
NAT_PRIORITIES = {"prerouting": -110, "output": -110, "postrouting": 90}
BASE_CHAINS = (PREROUTING, OUTPUT, POSTROUTING, EGRESS_FILTER)

# Allocation: a port for a new flow by the tunnel.
ALLOCATE = Chain("{}_allocate", "the port of its mapping, or a free one")
CLAIM_MAPPED = Chain("{}_claim_mapped", "its endpoint has this port towards everybody")
SPARE = Chain("{}_spare", "ports drawn by lot, until one is free and no endpoint's yet")
SEARCH = Chain("{}_search", "ports drawn by lot, then each in turn, until one is free")
CLAIM = Chain("{}_claim", "this port is free towards the destination: take it")
CLAIMED = Chain("{}_claimed", "remember it as the endpoint's, and translate")
TAKE = Chain("{}_take", "the next port, if the connection that had it is gone; else back")
TAKES = Chain("{}_takes_{}", "so many ports more, for nft has no loop")
NONE_FREE = Chain("{}_none_free", "every port is in use towards this destination")
ANY_BLOCK = Chain("{}_any_block", "no port or no room in the set: netfilter picks one of a block")
# Searches: the chain of each writes a port, and its own PROBE and PROBES test it.
DRAW = Chain("{}_draw", "a port drawn by lot")
NEXT = Chain("{}_next", "the next port")
PROBE = Chain("{}_probe", "back if the port will do, else another one")
PROBES = Chain("{}_probes_{}", "so many ports more at the most, for nft has no loop")
TRANSLATE = Chain("translate", "of so many ports none has to be looked for")

# The quota: no host holds more than max-share of the ports towards one destination.
QUOTA_ROUTED = Chain("quota_routed", "of a device without link addresses: count by address")
QUOTA_ZONE = Chain("quota_zone_{}", "of a zone: count for all its hosts together")
QUOTA_EXCEEDED = Chain("quota_exceeded", "refused, if it would leave by the tunnel")
REFUSE = Chain("refuse", "count it for its host, and say so at once")

# Servers in the LAN, and hosts with an open NAT.
MAPE_INBOUND = Chain("mape_inbound", "from outside to the shared address: forwards, open hosts")
MAPE_HAIRPIN = Chain("mape_hairpin", "from inside to the shared address: forwards, open hosts")
OPEN_NAT = Chain("open_nat", "an open host sends: it owns its port, and who may answer it is noted")
OPEN_PEER = Chain("open_peer", "whom it sends to may answer, from any port")
SESSION_INBOUND = Chain("{}_inbound", "from outside to the session's address: forwards")
SESSION_HAIRPIN = Chain("{}_hairpin", "from inside to the session's address: forwards, marked")
WAY_INBOUND = Chain("{}_inbound", "from outside to the way's own address: forwards")
WAY_HAIRPIN = Chain("{}_hairpin", "from inside to the way's own address: forwards")
EGRESS_OF_WAY = Chain("{}_egress", "only what has the way's own address leaves by it")

# Maps from numbers to the ports that can be allocated.
PORTS = "ports"  # for TCP and UDP
IDENTIFIERS = "identifiers"  # for ping: the same numbers as identifiers

# Counters.
UNTRANSLATED = "untranslated"  # packets that the egress filter has dropped
NO_PORT = "no_port"  # flows that found every port taken

# Sets and maps that packets fill. Ports in use, mappings, open NAT and refusals keep their
# elements over an upgrade: their names and types are those of 0.1.0.
FLOWS = "{}_flows"  # (port, destination): in use while the connection lives
MAPPINGS = "{}_mappings"  # inner address and port : outer port
OPEN_OWNED = "open_owned"  # their ports; a set, as kernel 6.1 tests no map like that
OPEN_PORTS = "open_ports"  # such a port : the inner endpoint
OPEN_PEERS = "open_peers"  # such a port, and an address it sent to : the inner endpoint
KNOWN_PEERS = "known_peers"  # the keys of OPEN_PEERS: see OPEN_OWNED
NEW_PEERS = "new_peers"  # open hosts, with a limit of new peers
REFUSED = "refused"  # hosts, with a counter of refused flows
CARRIED = "carried"  # (protocol, port, destination) of flows that the other router began
MAPPED = "{}_mapped"  # ports that an endpoint has
NO_SPARE = "no_spare"  # protocols of which most ports are some endpoint's
FULL = "{}_full"  # destinations towards which every port was in use a moment ago
HELD = "{}_held"  # (link address, destination): the flows that count for the quota
HELD_ZONE = "{}_zone_{}"  # (destination): the same of the zone in its name
HELD_ROUTED = "{}_held_routed"  # (address, destination): the same where there is no link address

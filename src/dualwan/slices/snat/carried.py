"""Flows that the other of two routers began, and this one continues. Pure.

conntrackd puts their conntrack entries into the kernel. The sets of flows cannot hold them: the
kernel removes an element whose `ct count` has counted no connection, and it counts one only at its
first packet. So they have a set of their own, whose ports are never drawn. At a takeover an element
is added for the remaining life of each conntrack entry; each packet that the flow sends later
renews it. If an element has expired nevertheless and its port is drawn, the kernel drops the first
packet of the new flow (two entries with one reply tuple), and the next packet draws another port:
no port is ever used twice.
"""

from __future__ import annotations

from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.resources import CarriedFlows
from dualwan.nft.carried import Sets
from dualwan.nft.table import Block, NftTable, commented, dynamic
from dualwan.slices.snat import names
from dualwan.slices.snat.allocate import ENDPOINTS
from dualwan.slices.snat.ports import Pool

FLOWS = 65536  # about 100 bytes each
# Seconds that conntrack may keep an idle flow: RFC 5382 REQ-5, and RFC 4787 REQ-5.
LIVES = {"tcp": 2 * 3600 + 4 * 60, "udp": 5 * 60}
_KEY = "meta l4proto . th sport . ip daddr . th dport"
NOT_CARRIED = f"{_KEY} != @{names.CARRIED} "  # of the port in the packet; begins a match


def sets(identity: str) -> list[Block]:
    """Return the set of carried flows of the port set ``identity``."""
    kind = "type inet_proto . inet_service . ipv4_addr . inet_service"
    longest = f"{max(LIVES.values())}s"
    return [dynamic("set", names.CARRIED, kind, FLOWS, longest, identity)]


def renewal(address: str) -> list[str]:
    """Return the rules of the egress filter that renew the element of an active carried flow."""
    return [
        commented(
            f"ip saddr {address} meta l4proto {protocol} {_KEY} @{names.CARRIED} "
            f"update @{names.CARRIED} {{ {_KEY} timeout {seconds}s }}",
            "a flow that the other router began",
        )
        for protocol, seconds in LIVES.items()
    ]


def with_flows(
    plan: SlicePlan, table: NftTable, ports: Pool | None, *, owed: bool
) -> tuple[Step, ...]:
    """Return the steps of ``plan``, plus one that adds the carried flows if its table is new.

    ``owed``: an earlier run could not add them to the table.
    """
    is_new = any(step.action is Action.ADD and step.resource == table for step in plan.steps)
    if not (is_new or owed) or ports is None or not ports.counted:
        return plan.steps
    by_protocol = tuple(LIVES)
    found = CarriedFlows(
        ports.address,
        ports.blocks,
        Sets(
            f"{table.family} {table.name}",
            names.CARRIED,
            {name: names.MAPPINGS.format(name) for name in by_protocol},
            {name: names.MAPPED.format(name) for name in by_protocol},
            LIVES,
            FLOWS,
            ENDPOINTS,
        ),
    )
    return (*plan.steps, Step(Action.ADD, found))

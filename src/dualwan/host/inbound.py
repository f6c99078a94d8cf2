"""Flows from outside that began while the firewall was missing: which of them are forgotten."""

from __future__ import annotations

from functools import cache

from dualwan.host import conntrack
from dualwan.host.netlink import Netlink
from dualwan.model.resources import InboundFlows


def forget(netlink: Netlink, flows: InboundFlows) -> None:
    """Delete the conntrack entries of ``flows``; raises KernelError."""
    is_behind, is_own = cache(netlink.is_behind), cache(netlink.is_own)

    def is_let_in(one: conntrack.Began) -> bool:
        if one.server in flows.servers or (not one.server and one.port in flows.inside):
            return True
        return one.port in flows.offered and is_own(one.server or one.target)

    conntrack.forget_inbound_flows(
        lambda source: is_behind(source, flows.devices),
        is_let_in,
        lambda source, target: (
            bool(flows.zones)
            and is_behind(source, flows.zones)
            and not is_behind(target, flows.devices)
        ),
    )

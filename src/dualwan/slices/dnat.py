"""Forwards as nft text: one map lookup per protocol, whatever the number of forwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.config.forwards import Forward
from dualwan.nft.table import elements

PROTOCOLS = ("tcp", "udp")


def dnat_rules(forwards: Sequence[Forward], any_source: bool = False) -> list[str]:
    """Return rules that translate a packet's destination to its server.

    ``any_source`` ignores the networks in a forward's ``from``. The port is the first field of
    the key, because nft looks up a map with intervals field by field.
    """
    lines = []
    for protocol in PROTOCOLS:
        mine = [one for one in forwards if one.protocol == protocol]
        port = f"{protocol} dport"
        limited = [
            f"{one.port} . {network} : {one.to} . {one.to_port}"
            for one in mine
            if not any_source
            for network in one.sources
        ]
        free = [
            f"{one.port} : {one.to} . {one.to_port}"
            for one in mine
            if any_source or not one.sources
        ]
        lines += [
            f"meta l4proto {protocol} dnat ip to {key} map {elements(found)}"
            for key, found in ((f"{port} . ip saddr", limited), (port, free))
            if found
        ]
    return lines


def ports(forwards: Sequence[Forward]) -> str:
    """Return the nft match of packets to a forwarded port."""
    return "meta l4proto . th dport " + elements(f"{one.protocol} . {one.port}" for one in forwards)


def servers(forwards: Sequence[Forward]) -> str:
    """Return the nft match of packets whose destination was translated to one of the servers."""
    found = dict.fromkeys(f"{one.to} . {one.protocol} . {one.to_port}" for one in forwards)
    return f"ct status dnat ip daddr . meta l4proto . th dport {elements(found)}"

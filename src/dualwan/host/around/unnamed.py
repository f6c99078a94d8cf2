"""Packets that our firewall dropped by device, because the configuration does not name that."""

from __future__ import annotations

import socket

from dualwan.host.nft_counts import element_counts

FAMILY, TABLE, SET = "inet", "dualwan_firewall", "unnamed"


def counts() -> dict[str, int]:
    """Return packets by device, of devices that exist; empty without the table or without root."""
    existing = {name for _, name in socket.if_nameindex()}
    try:
        found = element_counts(FAMILY, TABLE, SET)
    except OSError:  # usually EPERM
        return {}
    by_name = {key.rstrip(b"\0").decode(errors="replace"): found[key] for key in found}
    return {device: packets for device, packets in by_name.items() if device in existing}

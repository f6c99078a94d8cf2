"""Packets that our firewall dropped by device, because the configuration does not name that."""

from __future__ import annotations

import socket

from dualwan.host.nft import Nft

FAMILY, TABLE, SET = "inet", "dualwan_firewall", "unnamed"


def counts() -> dict[str, int]:
    """Return packets by device, of devices that exist; empty without the table or without root."""
    existing = {name for _, name in socket.if_nameindex()}
    return {
        device: packets
        for device, packets in Nft().element_counts(FAMILY, TABLE, SET).items()
        if device in existing
    }

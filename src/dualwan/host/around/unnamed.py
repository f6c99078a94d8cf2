"""Packets that our firewall dropped by device, because no section names the device."""

from __future__ import annotations

import socket

from dualwan.config import Config
from dualwan.host import processes
from dualwan.host.nft_counts import element_counts
from dualwan.ppp.session import own_sessions

FAMILY, TABLE, SET = "inet", "dualwan_firewall", "unnamed"


def counts(config: Config | None = None) -> dict[str, int]:
    """Return packets by device, of devices that exist; empty without the table or without root.

    Devices of our sessions are left out: a session on another interface than ``config`` says was
    unnamed until the tables were loaded for that interface.
    """
    existing = {name for _, name in socket.if_nameindex()} - _sessions(config)
    try:
        found = element_counts(FAMILY, TABLE, SET)
    except OSError:  # usually EPERM
        return {}
    by_name = {key.rstrip(b"\0").decode(errors="replace"): found[key] for key in found}
    return {device: packets for device, packets in by_name.items() if device in existing}


def _sessions(config: Config | None) -> set[str]:
    """Return the devices of the PPP sessions that ``config`` has."""
    if config is None:
        return set()
    there = processes.sessions()
    nics = dict.fromkeys(config.ways, "")  # a pppd without a peer is the first session's
    return {
        session.device
        for name, one in config.sessions.items()
        for session in own_sessions(one.peer, nics.get(name, config.wan.interface), there)
    }

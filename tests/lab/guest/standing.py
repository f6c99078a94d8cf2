"""What one of two routers has of the line's and the LAN's addresses: all, or nothing."""

from __future__ import annotations

import json

from guest import command, peers
from guest.addresses import CE, LAN, PPP, TUNNEL, WAN

VIRTUAL = "192.168.1.1"  # the LAN's gateway in docs/two-routers.md


def look() -> dict[str, bool | int | str]:
    """Return whether the gateway, the CE and the tunnel are here, pppds, and PPPoE's address."""
    listed = {
        item.get("ifname"): [entry["local"] for entry in item["addr_info"]]
        for item in json.loads(command.run(["ip", "-j", "address"]))
    }
    return {
        "gateway": VIRTUAL in listed.get(LAN, ()),
        "ce": CE in listed.get(WAN, ()),
        "tunnel": TUNNEL in listed,
        "pppd": len(peers.pppds()),
        "ppp": next(iter(listed.get(PPP, ())), ""),
    }

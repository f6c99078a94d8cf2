"""The bits of packet and connection marks that are ours; everybody else's stay as they are.

Two bits, clear of the ones that Docker (0x1…), Tailscale (0xff0000), kube-proxy (0xc000)
and wg-quick (0xca6c, unmasked on its own sockets) use by default.
"""

from __future__ import annotations

MASK = 0x03000000
PPPOE = 0x01000000  # belongs to PPPoE, and goes out there
MAPE = 0x03000000  # belongs to MAP-E, likewise
HAIRPIN = 0x02000000  # from the LAN to a server of the LAN, by PPPoE's address; in ct mark only
KEEP = 0xFFFFFFFF ^ MASK


def is_ours(where: str, mark: int = PPPOE) -> str:
    """The nft match: our bits in WHERE ("ct mark", "meta mark") say MARK."""
    return f"{where} & {MASK:#010x} == {mark:#010x}"


def assign(where: str, mark: int = PPPOE) -> str:
    """The nft statement: set our bits in WHERE to MARK."""
    return f"{where} set {where} & {KEEP:#010x} | {mark:#010x}"

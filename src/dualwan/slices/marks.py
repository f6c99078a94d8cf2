"""The bits of packet and connection marks that are ours; everybody else's stay as they are.

Four bits, clear of the ones that Docker (0x1…), Tailscale (0xff0000), kube-proxy (0xc000)
and wg-quick (0xca6c, unmasked on its own sockets) use by default. The lower three are the
number of a way, 0 for none; the highest says that a connection is a hairpin.
"""

from __future__ import annotations

from dualwan.model.way import Way

SHIFT = 24
MASK = 0xF << SHIFT
KEEP = 0xFFFFFFFF ^ MASK
_HAIRPIN = 0x8 << SHIFT


def of_way(way: Way) -> int:
    """Return the mark of what belongs to ``way``, and goes out there."""
    return way.number << SHIFT


def of_hairpin(way: Way) -> int:
    """Return the mark of connections from the LAN to a server of the LAN by the way's address.

    In connection marks only: their packets stay inside.
    """
    return of_way(way) | _HAIRPIN


def is_set(where: str, mark: int) -> str:
    """Return the nft match: our bits of ``where`` ("ct mark", "meta mark") are ``mark``."""
    return f"{where} & {MASK:#010x} == {mark:#010x}"


def assign(where: str, mark: int) -> str:
    """Return the nft statement that sets our bits of ``where`` to ``mark``."""
    return f"{where} set {where} & {KEEP:#010x} | {mark:#010x}"


def clear(where: str) -> str:
    """Return the nft statement that clears our bits of ``where``."""
    return f"{where} set {where} & {KEEP:#010x}"

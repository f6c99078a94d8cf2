"""Our four bits of packet and connection marks, 0x0f000000; other bits keep their value.

They are clear of the bits that Docker (0x1…), Tailscale (0xff0000), kube-proxy (0xc000) and
wg-quick (0xca6c, unmasked on its own sockets) use by default. The lower three bits hold the number
of a way, 0 for none. The highest bit marks, on a connection, a hairpin; on a packet, that it has no
other way. So there are seven numbers.
An eighth way has the number 11, which would be the hairpin mark of the softwire with number 3: that
one then leaves its hairpins unmarked. The eighth way's hairpins, and its packets without another
way, have the mark 8, which is otherwise unused; packets of number 3 cannot be limited to their way
then (config.policies).
"""

from __future__ import annotations

from dualwan.model.way import Way

SHIFT = 24
MASK = 0xF << SHIFT
KEEP = 0xFFFFFFFF ^ MASK
_HAIRPIN = 0x8 << SHIFT
EIGHTH = 11  # number of a way
_ALONE = 0x8 << SHIFT


def of_way(way: Way) -> int:
    """Return the mark of packets and connections that leave by ``way``."""
    return way.number << SHIFT


def of_way_alone(way: Way) -> int:
    """Return the mark of packets that begin a flow by ``way`` or else are rejected.

    Only packets carry it: their connection has the mark of the way by which they left.
    """
    return _ALONE if way.number == EIGHTH else of_way(way) | _ALONE


def of_hairpin(way: Way) -> int:
    """Return the mark of a hairpin: from the LAN to a server of the LAN by the way's address.

    Only connections carry it: their packets do not leave.
    """
    return _HAIRPIN if way.number == EIGHTH else of_way(way) | _HAIRPIN


def of_arrival() -> int:
    """Return the mark of a packet that a PPP session received for its present address.

    Only packets on their way to the LAN carry it (slices.offload); no ip rule of ours uses it.
    """
    return _HAIRPIN


def of_unsummed() -> int:
    """Return the mark of a UDP packet without a checksum, while a port is chosen for it.

    Only packets carry it, after they were routed (slices.snat.flow).
    """
    return _HAIRPIN


def ours(where: str) -> str:
    """Return the nft expression of our bits of ``where`` ("ct mark" or "meta mark")."""
    return f"{where} & {MASK:#010x}"


def is_set(where: str, mark: int) -> str:
    """Return the nft match of ``mark`` in our bits of ``where``."""
    return f"{ours(where)} == {mark:#010x}"


def assign(where: str, mark: int) -> str:
    """Return the nft statement that sets our bits of ``where`` to ``mark``."""
    return f"{where} set {where} & {KEEP:#010x} | {mark:#010x}"


def clear(where: str) -> str:
    """Return the nft statement that clears our bits of ``where``."""
    return f"{where} set {where} & {KEEP:#010x}"

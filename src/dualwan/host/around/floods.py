"""New flows that our firewall dropped, because a device of the LAN began too many."""

from __future__ import annotations

from dualwan.host.nft_counts import element_counts

FAMILY, TABLE = "inet", "dualwan_firewall"
BY_LINK, BY_DEVICE = "flooding", "flooding_by"  # sets: link addresses, and the router's interfaces


def counts() -> dict[str, int]:
    """Return dropped packets by link address, or by interface where a sender has no such address.

    Empty without the table or without root.
    """
    try:
        by_link = element_counts(FAMILY, TABLE, BY_LINK)
        by_device = element_counts(FAMILY, TABLE, BY_DEVICE)
    except OSError:  # usually EPERM
        return {}
    return {
        **{key.hex(":"): packets for key, packets in by_link.items()},
        **{
            key.rstrip(b"\0").decode(errors="replace"): packets
            for key, packets in by_device.items()
        },
    }

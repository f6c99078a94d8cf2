"""Whether the kernel accepts a flowtable: tested by a dry run, never by its version."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dualwan.host.nft import Nft
from dualwan.nft.table import NftTable

# As the offload slice loads it, on a device that every network namespace has.
_PROBE = """table inet dualwan_probe {
	flowtable probe {
		hook ingress priority filter
		devices = { "lo" }
	}
	chain probe {
		type filter hook forward priority filter; policy accept;
		meta l4proto { tcp, udp } flow add @probe
	}
}
"""


def accepted(tables: Sequence[NftTable] | None) -> bool:
    """Whether the kernel accepts a flowtable; True without root, which the test needs.

    ``tables``: our tables as observed, None without root. If one of them has a flowtable, that is
    proof enough, and the kernel is not asked.
    """
    if tables is None or any(block.kind == "flowtable" for one in tables for block in one.blocks):
        return True
    return _takes()


@cache
def _takes() -> bool:
    return Nft.takes(_PROBE)

"""Whether the kernel takes a flowtable: found out by asking it, never by its version."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dualwan.host.nft import Nft
from dualwan.nft.table import NftTable

# Of the form that the offload slice loads, on a device that every network namespace has.
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
    """Whether the kernel takes one; ``tables``: those of ours that were seen, None without root.

    It is asked only where none of ours is loaded: that is proof enough. Without root the answer
    is yes, because nothing else can be known.
    """
    if tables is None or any(block.kind == "flowtable" for one in tables for block in one.blocks):
        return True
    return _takes()


@cache
def _takes() -> bool:
    return Nft.takes(_PROBE)

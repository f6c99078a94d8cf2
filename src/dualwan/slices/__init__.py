"""The slices: what each wants of the kernel, and the plan that brings it there. Pure.

This is their only registry. A new slice is a file or folder here, a line in ALL, and a test.
"""

from __future__ import annotations

from dualwan.slices import firewall, pbr, snat, tunnel
from dualwan.slices.slice import Counts, Remains, Situation, Slice

# The order of bringing up: closed first, translated before there is a way out. Taking down
# goes the other way round.
ALL: tuple[Slice, ...] = (firewall.SLICE, snat.SLICE, tunnel.SLICE, pbr.SLICE)

__all__ = ["ALL", "Counts", "Remains", "Situation", "Slice"]

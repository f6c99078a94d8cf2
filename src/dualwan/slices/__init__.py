"""The registry of slices. A slice owns a part of the kernel's state and plans its steps. Pure.

To add a slice, write a module or package here, a line in ALL, a test, and its name in
options.SLICES, which the command line knows without loading any.
"""

from __future__ import annotations

from dualwan.slices import firewall, offload, pbr, snat, tunnel
from dualwan.slices.slice import Counts, Remains, Situation, Slice

# In the order of bringing up: the firewall closes the router first, translation stands before there
# is a route to the outside, and flows bypass all of these only once they are up. Taking down runs
# in reverse.
ALL: tuple[Slice, ...] = (
    firewall.SLICE,
    snat.SLICE,
    tunnel.SLICE,
    pbr.SLICE,
    offload.SLICE,
)

__all__ = ["ALL", "Counts", "Remains", "Situation", "Slice"]

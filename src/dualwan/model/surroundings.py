"""The machine around the router, as far as findings need it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from dualwan.model.ppp_files import PppFiles


@dataclass(frozen=True)
class Surroundings:
    """What other programs and people have put beside this program.

    shadowing: executable files that pppd runs instead of a folder of hooks.
    ppp: what the files say of the PPP peer.
    """

    shadowing: tuple[str, ...] = ()
    ppp: PppFiles = field(default_factory=PppFiles)

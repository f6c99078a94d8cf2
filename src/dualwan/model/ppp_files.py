"""The files about a PPP peer on this machine. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dualwan.frozen import dataclass

if TYPE_CHECKING:  # every event knows this type, and none reads the files
    from dualwan.ppp.options import PeerOptions
    from dualwan.ppp.starters import Starter


@dataclass(frozen=True)
class PppFiles:
    """The files about the peer of a session.

    peer: its options, None if its folder cannot be read. starters: what else starts it. clients:
    names that have a secret in chap-secrets or pap-secrets, None if these cannot be read.
    """

    peer: PeerOptions | None = None
    starters: tuple[Starter, ...] = ()
    clients: tuple[str, ...] | None = None

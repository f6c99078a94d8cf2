"""The SSH session in which a command is typed. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from dualwan.words import say


class SshSession(NamedTuple):
    """An established SSH connection, and the present route of its answers.

    peer, own: its ends; port: of our end. device: of the route to the peer. by_default: whether
    that is a default route of the table main.
    """

    peer: IPv4Address | IPv6Address
    own: IPv4Address | IPv6Address
    port: int
    device: str
    by_default: bool = False

    @property
    def text(self) -> str:
        """The session for a person."""
        return say(
            "this SSH session (from {peer} to {own}, port {port})",
            peer=self.peer,
            own=self.own,
            port=self.port,
        )

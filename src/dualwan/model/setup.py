"""What `dualwan-hook init` finds on a machine: interfaces and files. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Nic(NamedTuple):
    """A network interface.

    kind: of a device without hardware, such as "bridge" or "vlan"; "" for a NIC. driver: the
    kernel's module, "" if unknown. speed: in Mb/s, 0 if unknown. addresses: IPv4, with their
    length. prefixes: the global IPv6 prefixes. hears: whether an IPv6 default route uses it, as
    after a router advertisement. manager: the program that manages it, "" for none.
    """

    name: str
    kind: str = ""
    driver: str = ""
    speed: int = 0
    carrier: bool = False
    addresses: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    hears: bool = False
    manager: str = ""


class SourceFile(NamedTuple):
    """A file that is read, and its text."""

    path: str
    text: str


@dataclass(frozen=True)
class SetupMachine:
    """The machine as it is before there is a configuration.

    nics: without loopback, and without tunnels and PPP. scripts: mape.sh, pppoe.sh and the like.
    rules: what iptables-save and ip6tables-save print, by the program's name. interfaces: the
    files of interfaces(5). peers: names in /etc/ppp/peers. peer_nics: the Ethernet interface
    that a peer names, by peer. ifupdown2: whether ifup is that one. unseen: what could not
    be read, and why; "" for nothing. peers_seen: whether the peers could be.
    """

    nics: tuple[Nic, ...] = ()
    scripts: tuple[SourceFile, ...] = ()
    rules: tuple[SourceFile, ...] = ()
    interfaces: tuple[SourceFile, ...] = ()
    peers: tuple[str, ...] = ()
    peer_nics: tuple[tuple[str, str], ...] = ()
    ifupdown2: bool = False
    unseen: str = ""
    peers_seen: bool = True

    def nic(self, name: str) -> Nic | None:
        """Return the interface ``name``, None if there is none."""
        return next((one for one in self.nics if one.name == name), None)

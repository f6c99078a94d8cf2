"""The sections [wan], [lan] and [pppoe]."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from dualwan.config import routed, values
from dualwan.config.routed import Routed
from dualwan.frozen import dataclass, replace
from dualwan.paths import PPP_INTERFACE, PPP_PEER
from dualwan.toml_source import TomlTable
from dualwan.words import say

# Private address space (RFC 1918 section 3): the default of a LAN's networks.
RFC1918 = (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"))

MAX_PRIORITY = 32763  # two more rules follow it, and the kernel looks up main at 32766


@dataclass(frozen=True)
class Wan:
    """The interface that leads to the line.

    failover: the LAN takes PPPoE while MAP-E cannot carry traffic.
    probe: IPv4 hosts to ping through the tunnel; () to check the IPv6 default route alone.
    hold_down: seconds between a failure and the earliest return, 0 to 86400.
    """

    interface: str
    failover: bool = False
    probe: tuple[IPv4Address, ...] = ()
    hold_down: int = 120


@dataclass(frozen=True)
class Lan:
    """The trusted side.

    interfaces: trusted whole, except the WAN's own interface: there only the IPv4 hosts in
    ``networks`` are trusted. One that ends in ``*`` is the beginning of the names of any number
    of devices, which may come and go.
    via_pppoe: hosts and networks whose internet traffic takes PPPoE.
    fallback: their way while PPPoE is down, "mape" or "none".
    """

    interfaces: tuple[str, ...]
    networks: tuple[IPv4Network, ...] = RFC1918
    via_pppoe: tuple[IPv4Network, ...] = ()
    fallback: str = "mape"

    @property
    def devices(self) -> tuple[str, ...]:
        """The interfaces that are listed by their whole name."""
        return tuple(name for name in self.interfaces if not name.endswith(values.WILDCARD))

    def has(self, device: str) -> bool:
        """Whether ``device`` is listed, by its name or a pattern."""
        return any(values.covers(name, device) for name in self.interfaces)


@dataclass(frozen=True)
class Pppoe:
    """The PPPoE session and its routing.

    peer: name of the file in /etc/ppp/peers. interface: the device that pppd creates.
    table: its routing table; the softwire's is the next number.
    priority: of the rule by its address, 1 to 32763; the session's other rules have the two numbers
    after it, and the rules that look in main first the number before it.
    mtu: in bytes, 576 to 1500 (1454 on FLET'S).
    dial: whether ifup and ifdown start and end the session.
    by_peer: whether only a pppd of this peer is ours, which is so if we dial it or the file names
    the peer. Else any session on the interface is ours.
    routed: addresses besides its own.
    """

    peer: str = PPP_PEER
    interface: str = PPP_INTERFACE
    table: int = 100
    priority: int = 100
    mtu: int = 1454
    dial: bool = True
    by_peer: bool = True
    routed: Routed = Routed()

    mode = "pppoe"


def read_wan(table: TomlTable) -> Wan:
    """Return [wan] from ``table``; raises ConfigError."""
    wan = Wan(
        interface=table.take("interface", values.interface_name),
        failover=table.take("failover", values.flag, Wan.failover),
        probe=table.take("probe", values.ipv4_list, Wan.probe),
        hold_down=table.take("hold-down", values.number(0, 86400), Wan.hold_down),
    )
    if wan.probe and not wan.failover:
        table.fail(say("serves failover, which is not switched on (failover = true)"), "probe")
    table.done()
    return wan


def read_lan(table: TomlTable, wan: str) -> Lan:
    """Return [lan] from ``table``, ``wan`` being the WAN's interface; raises ConfigError."""
    lan = Lan(
        interfaces=table.take("interfaces", values.interfaces),
        networks=table.take("networks", values.ipv4_networks, Lan.networks),
        via_pppoe=table.take("via-pppoe", values.ipv4_networks, Lan.via_pppoe),
        fallback=table.take("fallback", values.one_of(("mape", "none")), Lan.fallback),
    )
    if not lan.networks:
        table.fail(say("is empty: nobody would be in the LAN"), "networks")
    if lan.networks != RFC1918 and wan not in lan.interfaces:
        table.fail(
            say(
                "serves a LAN on the WAN's own interface ({wan}); others are trusted whole", wan=wan
            ),
            "networks",
        )
    table.done()
    return lan


def read_pppoe(table: TomlTable) -> Pppoe:
    """Return [pppoe] from ``table``; raises ConfigError."""
    pppoe = Pppoe(
        peer=table.take("peer", values.peer, Pppoe.peer),
        interface=table.take("interface", values.interface_name, Pppoe.interface),
        table=table.take("table", values.routing_table, Pppoe.table),
        priority=table.take("priority", values.number(1, MAX_PRIORITY), Pppoe.priority),
        mtu=table.take("mtu", values.number(576, 1500), Pppoe.mtu),
        dial=table.take("dial", values.flag, Pppoe.dial),
        routed=routed.read(table),
    )
    pppoe = replace(pppoe, by_peer=pppoe.dial or table.has("peer"))
    table.done()
    return pppoe


def read_session(table: TomlTable) -> Pppoe:
    """Return a further session from ``table``, which has more keys; raises ConfigError.

    Its routing table and priorities follow from those of [pppoe].
    """
    return Pppoe(
        peer=table.take("peer", values.peer),
        interface=table.take("interface", values.interface_name),
        mtu=table.take("mtu", values.number(576, 1500), None) or Pppoe.mtu,
        dial=table.take("dial", values.flag, Pppoe.dial),
        routed=routed.read(table),
    )

"""The configuration: /etc/dualwan/dualwan.toml as frozen dataclasses.

Every error is a ConfigError whose text starts with file and line and names the key.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

from dualwan.errors import ConfigError, MapeError
from dualwan.portset import PortSet
from dualwan.services import Service, services
from dualwan.toml_source import Source, Table, parse, unknown

DEFAULT_PATH = Path("/etc/dualwan/dualwan.toml")

IFNAMSIZ = 16  # linux/if.h, with the closing NUL
_RESERVED_TABLES = {0, 253, 254, 255}  # unspec, default, main, local
_LAST_BEFORE_MAIN = 32764  # main is looked up at 32766; ours are PRIORITY and PRIORITY + 1


@dataclass(frozen=True)
class Wan:
    """The interface that leads to the line."""

    interface: str


@dataclass(frozen=True)
class Lan:
    """The trusted side: whole interfaces."""

    interfaces: tuple[str, ...]


@dataclass(frozen=True)
class Softwire:
    """The tunnel's two ends, CE and BR, and the IPv4 address and ports that the CE may use."""

    br: IPv6Address
    ce: IPv6Address
    ipv4: IPv4Address
    port_set: PortSet


@dataclass(frozen=True)
class Mape:
    """MAP-E as this CE uses it.

    mtu is the tunnel's in bytes, 1280 to 1500 (1460 = 1500 less the 40 of the IPv6 header).
    """

    softwire: Softwire
    tunnel: str = "mape0"
    mtu: int = 1460


@dataclass(frozen=True)
class Pppoe:
    """PPPoE as pppd's peer PEER brings it; mtu in bytes (1454 on FLET'S)."""

    peer: str = "dsl-provider"
    interface: str = "ppp0"
    table: int = 100
    priority: int = 100
    mtu: int = 1454
    dial: bool = True


@dataclass(frozen=True)
class Firewall:
    """What the router offers on PPPoE, and what it uses itself on both WANs."""

    inbound: tuple[Service, ...]
    outbound: tuple[Service, ...]


@dataclass(frozen=True)
class Config:
    """One whole, checked configuration."""

    wan: Wan
    lan: Lan
    mape: Mape
    pppoe: Pppoe
    firewall: Firewall
    path: str = field(default="", compare=False)

    @property
    def wans(self) -> tuple[str, str, str]:
        """Every interface that leads outside: WAN, tunnel, PPPoE."""
        return (self.wan.interface, self.mape.tunnel, self.pppoe.interface)


INBOUND = ["ssh", "smtp", "http", "https"]  # what pppoe.sh let in
OUTBOUND = ["ssh", "smtp", "dns", "http", "https", "ntp", "ping"]  # what mape.sh let out


def path_in_use(given: str | None = None) -> Path:
    """The configuration's path: --config, else DUALWAN_CONFIG, else the default."""
    return Path(given or os.environ.get("DUALWAN_CONFIG") or DEFAULT_PATH)


def load(path: Path) -> Config:
    """Read and check PATH; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}:1: is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return from_text(str(path), text)


def from_text(name: str, text: str) -> Config:
    """Check TEXT, which stands in the file NAME; raises ConfigError."""
    data = parse(name, text)
    source = Source(name, text)
    sections = ["wan", "lan", "mape", "pppoe", "firewall"]
    for section in data:
        if section not in sections:
            source.fail(unknown("section", section, sections), section)
    for section in ("wan", "lan", "mape"):
        if section not in data:
            source.fail(f"the section [{section}] is missing")

    def table(section: str) -> Table:
        return Table(source, section, data.get(section, {}))

    config = Config(
        wan=_wan(table("wan")),
        lan=_lan(table("lan")),
        mape=_mape(table("mape")),
        pppoe=_pppoe(table("pppoe")),
        firewall=_firewall(table("firewall")),
        path=name,
    )
    _each_interface_once(config, source)
    return config


def _wan(table: Table) -> Wan:
    wan = Wan(interface=table.take("interface", interface_name))
    table.done()
    return wan


def _lan(table: Table) -> Lan:
    lan = Lan(interfaces=table.take("interfaces", _interfaces))
    table.done()
    return lan


def _mape(table: Table) -> Mape:
    table.take("provider", _provider)
    mape = Mape(
        softwire=_manual(table),
        tunnel=table.take("tunnel", _tunnel_name, Mape.tunnel),
        mtu=table.take("mtu", _number(1280, 1500), Mape.mtu),
    )
    table.done()
    return mape


def _manual(table: Table) -> Softwire:
    """The values of mape.sh."""
    psid = table.take("psid", _number(0, 0xFFFF))
    offset = table.take("psid-offset", _number(0, 15), 6)
    length = table.take("psid-length", _number(0, 16))
    try:
        port_set = PortSet(psid, offset, length)
    except MapeError as error:
        table.fail(str(error), "psid")
    softwire = Softwire(
        br=table.take("br", _ipv6),
        ce=table.take("ce", _ipv6),
        ipv4=table.take("ipv4", _ipv4),
        port_set=port_set,
    )
    if softwire.br == softwire.ce:
        table.fail("the border relay and the CE cannot be the same address", "ce")
    return softwire


def _pppoe(table: Table) -> Pppoe:
    pppoe = Pppoe(
        peer=table.take("peer", _peer, Pppoe.peer),
        interface=table.take("interface", interface_name, Pppoe.interface),
        table=table.take("table", _routing_table, Pppoe.table),
        priority=table.take("priority", _number(1, _LAST_BEFORE_MAIN), Pppoe.priority),
        mtu=table.take("mtu", _number(576, 1500), Pppoe.mtu),
        dial=table.take("dial", _flag, Pppoe.dial),
    )
    table.done()
    return pppoe


def _firewall(table: Table) -> Firewall:
    firewall = Firewall(
        inbound=table.take("inbound", services, services(INBOUND)),
        outbound=table.take("outbound", services, services(OUTBOUND)),
    )
    table.done()
    return firewall


def _each_interface_once(config: Config, source: Source) -> None:
    """An interface has one role: two would make rules that contradict each other."""
    roles = {config.wan.interface: "wan.interface"}
    for section, key, name in (
        ("mape", "tunnel", config.mape.tunnel),
        ("pppoe", "interface", config.pppoe.interface),
        *(("lan", "interfaces", name) for name in config.lan.interfaces),
    ):
        if name in roles:
            source.fail(f"the interface '{name}' is listed twice, also in {roles[name]}",
                        section, key)
        roles[name] = f"{section}.{key}"


def interface_name(value: Any) -> str:
    """Name that the kernel would take (dev_valid_name), without what nft would misread."""
    if not isinstance(value, str):
        raise ValueError(f"an interface is a text, not {value!r}")
    if not re.fullmatch(r"[A-Za-z0-9_.@-]+", value) or value in {".", ".."}:
        raise ValueError(f"'{value}' is no interface name (letters, digits, _ . @ -)")
    if len(value) >= IFNAMSIZ:
        raise ValueError(f"'{value}' is too long: an interface name has up to 15 letters")
    return value


def _tunnel_name(value: Any) -> str:
    if value == "ip6tnl0":
        raise ValueError("'ip6tnl0' is made by the kernel itself; take another name")
    return interface_name(value)


def _interfaces(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError('must be a list such as ["enp3s0"]')
    return tuple(interface_name(item) for item in value)


def _provider(value: Any) -> str:
    if value != "manual":
        raise ValueError(f'{value!r} is not known; use "manual" with br, ce, ipv4, psid …')
    return "manual"


def _peer(value: Any) -> str:
    """A file name below /etc/ppp/peers, as pon and poff take it."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError(f"{value!r} is no name of a file in /etc/ppp/peers")
    return value


def _routing_table(value: Any) -> int:
    number = _number(1, 0xFFFFFFFF)(value)
    if number in _RESERVED_TABLES:
        raise ValueError(f"table {number} belongs to the kernel; take another, such as 100")
    return number


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def _number(low: int, high: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a number from {low} to {high}, not {value!r}")
        return value

    return convert


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text in quotes, not {value!r}")
    return value


def _ipv4(value: Any) -> IPv4Address:
    try:
        address = IPv4Address(_text(value))
    except ipaddress.AddressValueError:
        raise ValueError(f"{value!r} is no IPv4 address") from None
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise ValueError(f"{value!r} cannot be the address of a line")
    return address


def _ipv6(value: Any) -> IPv6Address:
    try:
        address = IPv6Address(_text(value))
    except ipaddress.AddressValueError:
        raise ValueError(f"{value!r} is no IPv6 address") from None
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise ValueError(f"{value!r} cannot be an end of the tunnel")
    if address.scope_id:
        raise ValueError(f"{value!r}: write the address without %{address.scope_id}")
    return address

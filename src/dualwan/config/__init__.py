"""The configuration: /etc/dualwan/dualwan.toml as frozen dataclasses.

Every error is a ConfigError whose text starts with file and line and names the key.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from dualwan.config import firewall, forwards, values
from dualwan.config import mape as mape_section
from dualwan.config.firewall import Firewall
from dualwan.config.forwards import Forward
from dualwan.config.mape import DsLite, Ipip, MapE, Mape
from dualwan.errors import ConfigError
from dualwan.mape.table import RULES_DIR
from dualwan.toml_source import Source, TomlTable, parse, unknown

DEFAULT_PATH = Path("/etc/dualwan/dualwan.toml")

# RFC 1918: what a LAN has, and what never comes by the line itself.
PRIVATE = (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"))

_LAST_BEFORE_MAIN = 32763  # main is looked up at 32766; ours are PRIORITY and the next two


@dataclass(frozen=True)
class Wan:
    """The interface that leads to the line.

    failover: the LAN takes PPPoE while MAP-E cannot carry traffic.
    probe: IPv4 addresses that answer a ping while it can; () relies on the routes alone.
    hold_down: seconds from a failure to the return at the earliest, 0 to 86400.
    """

    interface: str
    failover: bool = False
    probe: tuple[IPv4Address, ...] = ()
    hold_down: int = 120


@dataclass(frozen=True)
class Lan:
    """The trusted side: whole interfaces; of one that is the WAN too, these IPv4 `networks`.

    via_pppoe: hosts and networks whose internet traffic takes PPPoE;
    fallback: what they get while it is down, "mape" or "none".
    """

    interfaces: tuple[str, ...]
    networks: tuple[IPv4Network, ...] = PRIVATE
    via_pppoe: tuple[IPv4Network, ...] = ()
    fallback: str = "mape"


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
class Config:
    """One whole, checked configuration."""

    wan: Wan
    lan: Lan
    mape: Mape
    pppoe: Pppoe
    firewall: Firewall
    forwards: tuple[Forward, ...] = ()
    path: str = field(default="", compare=False)

    @property
    def prefix_source(self) -> str:
        """The interface whose IPv6 prefix MAP-E is derived from."""
        return self.mape.prefix_from or self.wan.interface


def path_in_use(given: str | None = None) -> Path:
    """The configuration's path: --config, else DUALWAN_CONFIG, else the default."""
    return Path(given or os.environ.get("DUALWAN_CONFIG") or DEFAULT_PATH)


def load(path: Path, rules_dir: Path = RULES_DIR) -> Config:
    """Read and check PATH, and the rules that it needs; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}:1: is not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return from_text(str(path), text, rules_dir)


def from_text(name: str, text: str, rules_dir: Path = RULES_DIR) -> Config:
    """Check TEXT, which stands in the file NAME; raises ConfigError."""
    data = parse(name, text)
    source = Source(name, text)
    sections = ["wan", "lan", "mape", "pppoe", "firewall", "forward"]
    for section in data:
        if section not in sections:
            source.fail(unknown("section", section, sections), section)
    for section in ("wan", "lan", "mape"):
        if section not in data:
            source.fail(f"the section [{section}] is missing")

    def table(section: str) -> TomlTable:
        return TomlTable(source, section, data.get(section, {}))

    wan = _wan(table("wan"))
    config = Config(
        wan=wan,
        lan=_lan(table("lan"), wan.interface),
        mape=mape_section.read(table("mape"), rules_dir),
        pppoe=_pppoe(table("pppoe")),
        firewall=firewall.read(table("firewall")),
        forwards=forwards.read(source, data.get("forward", [])),
        path=name,
    )
    _each_interface_once(config, source)
    said = "inbound" in data.get("firewall", {})
    return replace(config, firewall=_beside_forwards(config, source, said))


def _beside_forwards(config: Config, source: Source, said: bool) -> Firewall:
    """Check that the line can have the forwards; what the firewall offers beside them."""
    mape, wan = config.mape, config.wan.interface
    if isinstance(mape, DsLite) and (found := forwards.with_via(forwards.MAPE, config.forwards)):
        source.fail(
            "DS-Lite has no address of its own to forward from", "forward", "via", found[0].number
        )
    if {*config.lan.interfaces} == {wan} and (
        found := forwards.with_via(forwards.PINHOLE, config.forwards)
    ):
        source.fail(
            "IPv6 of a LAN on the WAN's own interface does not pass this router: it can "
            "neither shut nor open it",
            "forward",
            "to",
            found[0].number,
        )
    if isinstance(mape, MapE) and mape.manual:
        forwards.check(source, config.forwards, mape.manual.port_set)
    offering = (forwards.PPPOE, *([forwards.MAPE] if isinstance(mape, Ipip) else []))
    return forwards.without_conflicts(source, config.forwards, config.firewall, offering, said)


def _wan(table: TomlTable) -> Wan:
    wan = Wan(
        interface=table.take("interface", values.interface_name),
        failover=table.take("failover", values.flag, Wan.failover),
        probe=table.take("probe", values.ipv4_list, Wan.probe),
        hold_down=table.take("hold-down", values.number(0, 86400), Wan.hold_down),
    )
    if wan.probe and not wan.failover:
        table.fail("serves failover, which is not switched on (failover = true)", "probe")
    table.done()
    return wan


def _lan(table: TomlTable, wan: str) -> Lan:
    lan = Lan(
        interfaces=table.take("interfaces", values.interfaces),
        networks=table.take("networks", values.ipv4_networks, Lan.networks),
        via_pppoe=table.take("via-pppoe", values.ipv4_networks, Lan.via_pppoe),
        fallback=table.take("fallback", values.one_of(("mape", "none")), Lan.fallback),
    )
    if not lan.networks:
        table.fail("is empty: nobody would be in the LAN", "networks")
    if lan.networks != PRIVATE and wan not in lan.interfaces:
        table.fail(
            f"serves a LAN on the WAN's own interface ({wan}); others are trusted whole", "networks"
        )
    table.done()
    return lan


def _pppoe(table: TomlTable) -> Pppoe:
    pppoe = Pppoe(
        peer=table.take("peer", values.peer, Pppoe.peer),
        interface=table.take("interface", values.interface_name, Pppoe.interface),
        table=table.take("table", values.routing_table, Pppoe.table),
        priority=table.take("priority", values.number(1, _LAST_BEFORE_MAIN), Pppoe.priority),
        mtu=table.take("mtu", values.number(576, 1500), Pppoe.mtu),
        dial=table.take("dial", values.flag, Pppoe.dial),
    )
    table.done()
    return pppoe


def _each_interface_once(config: Config, source: Source) -> None:
    """An interface has one role: two would make rules that contradict each other.

    But for a LAN on the WAN's own wire, which is told by its networks.
    """
    roles = {config.wan.interface: "wan.interface"}
    shared = config.wan.interface
    for section, key, name in (
        ("mape", "tunnel", config.mape.tunnel),
        ("pppoe", "interface", config.pppoe.interface),
        *(("lan", "interfaces", name) for name in config.lan.interfaces),
    ):
        if section == "lan" and name == shared:
            shared = ""  # once
            continue
        if name in roles:
            source.fail(
                f"the interface '{name}' is listed twice, also in {roles[name]}", section, key
            )
        roles[name] = f"{section}.{key}"

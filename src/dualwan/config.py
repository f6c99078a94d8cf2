"""The configuration: /etc/dualwan/dualwan.toml as frozen dataclasses.

Every error is a ConfigError whose text starts with file and line and names the key.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

from dualwan import firewall_config, values
from dualwan.errors import ConfigError, MapeError
from dualwan.firewall_config import Firewall
from dualwan.mape import DEFAULT_PSID_OFFSET, LAYOUTS, Rule
from dualwan.portset import PortSet
from dualwan.provisioning import SOURCES
from dualwan.rules import AUTO, RULES_DIR, RuleTable, load_table
from dualwan.toml_source import Source, Table, parse, unknown

DEFAULT_PATH = Path("/etc/dualwan/dualwan.toml")

_LAST_BEFORE_MAIN = 32764  # main is looked up at 32766; ours are PRIORITY and PRIORITY + 1


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
    """The trusted side: whole interfaces.

    via_pppoe: hosts and networks whose internet traffic takes PPPoE;
    fallback: what they get while it is down, "mape" or "none".
    """

    interfaces: tuple[str, ...]
    via_pppoe: tuple[IPv4Network, ...] = ()
    fallback: str = "mape"


@dataclass(frozen=True)
class Softwire:
    """The tunnel's two ends, CE and BR, and the IPv4 address and ports that the CE may use."""

    br: IPv6Address
    ce: IPv6Address
    ipv4: IPv4Address
    port_set: PortSet
    origin: str = field(default="the configuration", compare=False)


@dataclass(frozen=True)
class Mape:
    """MAP-E as this CE uses it.

    provider: "manual", "auto" or a name in `rules`; a `rule` of the configuration goes first.
    provisioning: who is asked for a rule before `rules` are, words of provisioning.SOURCES.
    softwire: None as long as it has to be derived (dualwan.softwire) and cannot be;
    missing: then says why, in words.
    prefix_from: the interface whose prefix counts, "" for the WAN.
    wait: seconds that ifup waits for a prefix, 0 to 300.
    mtu: the tunnel's, in bytes, 1280 to 1500 (1460 = 1500 less 40 for the IPv6 header).
    """

    provider: str
    softwire: Softwire | None = None
    missing: str = ""
    rule: Rule | None = None
    rules: RuleTable | None = field(default=None, compare=False)
    provisioning: tuple[str, ...] = ()
    prefix_from: str = ""
    wait: int = 30
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
class Config:
    """One whole, checked configuration."""

    wan: Wan
    lan: Lan
    mape: Mape
    pppoe: Pppoe
    firewall: Firewall
    path: str = field(default="", compare=False)

    @property
    def prefix_source(self) -> str:
        """The interface whose IPv6 prefix MAP-E is derived from."""
        return self.mape.prefix_from or self.wan.interface

    @property
    def wans(self) -> tuple[str, str, str]:
        """Every interface that leads outside: WAN, tunnel, PPPoE."""
        return (self.wan.interface, self.mape.tunnel, self.pppoe.interface)


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
        mape=_mape(table("mape"), rules_dir),
        pppoe=_pppoe(table("pppoe")),
        firewall=firewall_config.read(table("firewall")),
        path=name,
    )
    _each_interface_once(config, source)
    return config


def _wan(table: Table) -> Wan:
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


def _lan(table: Table) -> Lan:
    lan = Lan(
        interfaces=table.take("interfaces", values.interfaces),
        via_pppoe=table.take("via-pppoe", values.ipv4_networks, Lan.via_pppoe),
        fallback=table.take("fallback", values.one_of(("mape", "none")), Lan.fallback),
    )
    table.done()
    return lan


MANUAL = "manual"


def _mape(table: Table, rules_dir: Path) -> Mape:
    provider = table.take("provider", values.text, AUTO)
    rules = None
    rule = _rule(table) if table.has("rule") else None
    if provider != MANUAL and rule is None:
        rules = load_table(rules_dir)
        if provider not in (AUTO, *rules.providers):
            table.fail(unknown("provider", provider, [AUTO, MANUAL, *rules.providers]), "provider")
    mape = Mape(
        provider=provider,
        softwire=_manual(table) if provider == MANUAL else None,
        rule=rule,
        rules=rules,
        provisioning=table.take("provisioning", values.words(SOURCES), Mape.provisioning),
        prefix_from=table.take("prefix-from", values.interface_name, Mape.prefix_from),
        wait=table.take("wait", values.number(0, 300), Mape.wait),
        tunnel=table.take("tunnel", values.tunnel_name, Mape.tunnel),
        mtu=table.take("mtu", values.number(1280, 1500), Mape.mtu),
    )
    if mape.provisioning and (provider != AUTO or rule is not None):
        table.fail(f'goes with provider = "{AUTO}" only: there is nothing to learn here',
                   "provisioning")
    table.done()
    return mape


def _rule(table: Table) -> Rule:
    """[mape.rule], and the border relay of [mape]."""
    br = table.take("br", values.ipv6)
    inner = table.table("rule")
    try:
        rule = Rule(
            inner.take("ipv6-prefix", values.text), inner.take("ipv4-prefix", values.text),
            inner.take("ea-length", values.number(0, 48)),
            inner.take("psid-offset", values.number(0, 15), DEFAULT_PSID_OFFSET), br,
            inner.take("layout", values.one_of(LAYOUTS), "draft"), provider=MANUAL,
            source=f"{table.source.name}:{table.source.line('mape.rule')}")
    except MapeError as error:
        inner.fail(str(error))
    inner.done()
    return rule


def _manual(table: Table) -> Softwire:
    """The values of mape.sh."""
    psid = table.take("psid", values.number(0, 0xFFFF))
    offset = table.take("psid-offset", values.number(0, 15), 6)
    length = table.take("psid-length", values.number(0, 16))
    try:
        port_set = PortSet(psid, offset, length)
    except MapeError as error:
        table.fail(str(error), "psid")
    softwire = Softwire(
        br=table.take("br", values.ipv6),
        ce=table.take("ce", values.ipv6),
        ipv4=table.take("ipv4", values.ipv4),
        port_set=port_set,
    )
    if softwire.br == softwire.ce:
        table.fail("the border relay and the CE cannot be the same address", "ce")
    return softwire


def _pppoe(table: Table) -> Pppoe:
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

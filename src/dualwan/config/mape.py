"""The [mape] section: how IPv4 gets through IPv6 on this line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from dualwan.config import values
from dualwan.errors import MapeError
from dualwan.mape.portset import PortSet
from dualwan.mape.rule import DEFAULT_PSID_OFFSET, LAYOUTS, Rule
from dualwan.mape.table import AUTO, RuleTable, load_table
from dualwan.toml_source import Table, unknown

HB46PP, DHCPV6 = "hb46pp", "dhcpv6"
SOURCES = (HB46PP, DHCPV6)  # who can be asked for the rule
MANUAL = "manual"
MAP_E, IPIP, DS_LITE = "map-e", "ipip", "ds-lite"
MODES = (MAP_E, IPIP, DS_LITE)
B4 = IPv4Address("192.0.0.2")  # RFC 6333 section 5.7: the inner address of every B4
INTERFACE_ID = IPv6Address("::b4:0:0:2")  # of a B4 that was given none


@dataclass(frozen=True)
class Softwire:
    """The tunnel's two ends, CE and BR, and the IPv4 address and ports that the CE may use.

    port_set: None where the whole address is ours. translated: False where the other end
    translates (DS-Lite) and every source may enter the tunnel.
    """

    br: IPv6Address
    ce: IPv6Address
    ipv4: IPv4Address
    port_set: PortSet | None
    origin: str = field(default="the configuration", compare=False)
    translated: bool = True


@dataclass(frozen=True)
class Mape:
    """MAP-E, or one of its neighbours, as this CE uses it.

    mode: one of MODES. br, ipv4: the other end and the fixed address (IPIP); aftr: the other
    end by name or address (DS-Lite); interface_id: the lower 64 bits of our end (both);
    update: file with the call that IPIP needs after a change of the prefix.
    provider: "manual", "auto" or a name in `rules`; a `rule` of the configuration goes first.
    provisioning: who is asked for a rule before `rules` are, words of provisioning.SOURCES.
    softwire: None as long as it has to be derived (dualwan.line) and cannot be;
    missing: then says why, in words.
    prefix_from: the interface whose prefix counts, "" for the WAN.
    wait: seconds that ifup waits for a prefix, 0 to 300.
    mtu: the tunnel's, in bytes, 1280 to 1500 (1460 = 1500 less 40 for the IPv6 header).
    open_nat: LAN hosts to whose UDP everybody may answer that they have sent something to.
    max_share: percent of the ports, 10 to 100, that a host may hold towards a destination.
    conntrack_timeouts: whether flows by the tunnel have timeouts of their own.
    """

    provider: str
    mode: str = MAP_E
    softwire: Softwire | None = None
    missing: str = ""
    br: IPv6Address | None = None
    ipv4: IPv4Address | None = None
    aftr: str = ""
    interface_id: IPv6Address | None = None
    update: str = ""
    rule: Rule | None = None
    rules: RuleTable | None = field(default=None, compare=False)
    provisioning: tuple[str, ...] = ()
    prefix_from: str = ""
    wait: int = 30
    tunnel: str = "mape0"
    mtu: int = 1460
    open_nat: tuple[IPv4Address, ...] = ()
    max_share: int = 50
    conntrack_timeouts: bool = True


def read(table: Table, rules_dir: Path) -> Mape:
    """The section from TABLE; raises ConfigError."""
    mode = table.take("mode", values.one_of(MODES), MAP_E)
    mape = replace(
        {MAP_E: _map_e, IPIP: _ipip, DS_LITE: _ds_lite}[mode](table, rules_dir),
        prefix_from=table.take("prefix-from", values.interface_name, Mape.prefix_from),
        wait=table.take("wait", values.number(0, 300), Mape.wait),
        tunnel=table.take("tunnel", values.tunnel_name, Mape.tunnel),
        mtu=table.take("mtu", values.number(1280, 1500), Mape.mtu),
    )
    table.done()
    return mape


def _map_e(table: Table, rules_dir: Path) -> Mape:
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
        open_nat=table.take("open-nat", values.ipv4_list, Mape.open_nat),
        max_share=table.take("max-share", values.number(10, 100), Mape.max_share),
        conntrack_timeouts=table.take("conntrack-timeouts", values.flag,
                                      Mape.conntrack_timeouts),
    )
    if mape.provisioning and (provider != AUTO or rule is not None):
        table.fail(f'goes with provider = "{AUTO}" only: there is nothing to learn here',
                   "provisioning")
    return mape


def _ipip(table: Table, _rules_dir: Path) -> Mape:
    """A fixed address by IPIP: both ends and the address are given by the provider."""
    br, ipv4 = table.take("br", values.ipv6), table.take("ipv4", values.ipv4)
    softwire = None
    if table.has("ce"):
        softwire = Softwire(br, table.take("ce", values.ipv6), ipv4, None)
        _two_ends(table, softwire)
    elif not table.has("interface-id"):
        table.fail("needs 'interface-id' (the lower half of our end), or 'ce' (all of it)")
    return Mape(
        provider=MANUAL, mode=IPIP, softwire=softwire, br=br, ipv4=ipv4,
        interface_id=table.take("interface-id", values.interface_id, None),
        update=table.take("update", values.path, Mape.update),
    )


def _ds_lite(table: Table, _rules_dir: Path) -> Mape:
    """DS-Lite (RFC 6333): the AFTR translates."""
    return Mape(
        provider=MANUAL, mode=DS_LITE,
        aftr=table.take("aftr", values.host),
        interface_id=table.take("interface-id", values.interface_id, INTERFACE_ID),
    )


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
    offset = table.take("psid-offset", values.number(0, 15), DEFAULT_PSID_OFFSET)
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
    _two_ends(table, softwire)
    return softwire


def _two_ends(table: Table, softwire: Softwire) -> None:
    if softwire.br == softwire.ce:
        table.fail("the border relay and the CE cannot be the same address", "ce")

"""The section [mape]: the transport of IPv4 over the IPv6 of this line."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from dualwan.config import routed, values
from dualwan.config.routed import Routed
from dualwan.errors import MISSING, WRONG, MapeError
from dualwan.frozen import dataclass, field
from dualwan.mape.portset import PortSet
from dualwan.mape.rule import DEFAULT_PSID_OFFSET, LAYOUTS, MapRule
from dualwan.mape.table import AUTO, Rules, RuleTable, load_table
from dualwan.toml_source import TomlTable, nearest, unknown
from dualwan.words import say

HB46PP, DHCPV6 = "hb46pp", "dhcpv6"
SOURCES = (HB46PP, DHCPV6)  # of provisioning
MANUAL = "manual"
MAP_E, IPIP, DS_LITE = "map-e", "ipip", "ds-lite"
MODES = (MAP_E, IPIP, DS_LITE)
INTERFACE_ID = IPv6Address("::b4:0:0:2")  # the default of DS-Lite's B4


@dataclass(frozen=True, kw_only=True)
class _Common:
    """The keys that all modes have.

    prefix_from: the interface with the line's IPv6 prefix, "" for the WAN's.
    wait: seconds that ifup waits for a prefix, 0 to 300.
    tunnel: name of the tunnel device.
    mtu: of the tunnel in bytes, 1280 to 1500 (1460: 1500 less the IPv6 header of 40).
    """

    prefix_from: str = ""
    wait: int = 30
    tunnel: str = "mape0"
    mtu: int = 1460


@dataclass(frozen=True)
class Manual:
    """A softwire given by the file: both ends, the shared address and its ports."""

    br: IPv6Address
    ce: IPv6Address
    ipv4: IPv4Address
    port_set: PortSet


@dataclass(frozen=True, kw_only=True)
class MapE(_Common):
    """MAP-E (RFC 7597).

    provider: "manual", "auto", a provider in ``rules``, or one of SOURCES, whose answers alone
    count then. manual: the values for "manual". rule: a rule in the file; it precedes ``rules``.
    provisioning: of SOURCES, in the order of asking.
    open_nat: LAN hosts with address-dependent filtering for UDP (RFC 4787 section 5): a
    server that they have sent to may answer from any port.
    max_share: percent of the port set, 10 to 100, that a host may use towards a destination.
    conntrack_timeouts: whether flows through the tunnel get conntrack timeouts of their own.
    """

    provider: str
    manual: Manual | None = None
    rule: MapRule | None = None
    rules: RuleTable | None = field(default=None, compare=False)
    provisioning: tuple[str, ...] = ()
    open_nat: tuple[IPv4Address, ...] = ()
    max_share: int = 50
    conntrack_timeouts: bool = True

    mode = MAP_E

    @property
    def fixed(self) -> bool:
        """Whether the file gives the whole softwire, so that it needs no prefix."""
        return self.manual is not None


@dataclass(frozen=True, kw_only=True)
class Ipip(_Common):
    """A fixed IPv4 address by IPv4 in IPv6 (RFC 2473); the provider assigns ends and address.

    ce: address of our end; None if it is derived from the prefix and interface_id, its lower
    64 bits. update: path of the file with the provider's update URL, which is called when
    our end changes; "" for none. routed: addresses besides that one.
    """

    br: IPv6Address
    ipv4: IPv4Address
    ce: IPv6Address | None = None
    interface_id: IPv6Address | None = None
    update: str = ""
    routed: Routed = Routed()

    mode = IPIP

    @property
    def fixed(self) -> bool:
        """Whether the file gives the whole softwire, so that it needs no prefix."""
        return self.ce is not None


@dataclass(frozen=True, kw_only=True)
class DsLite(_Common):
    """DS-Lite (RFC 6333): the AFTR translates.

    aftr: its host name or IPv6 address. interface_id: the lower 64 bits of our end.
    """

    aftr: str
    interface_id: IPv6Address = INTERFACE_ID

    mode = DS_LITE
    fixed = False


Mape = MapE | Ipip | DsLite


def read(table: TomlTable, rules_dir: Rules) -> Mape:
    """Return the section from ``table``; raises ConfigError."""
    mode = table.take("mode", values.one_of(MODES), MAP_E)
    readers: dict[str, Callable[..., Mape]] = {MAP_E: _map_e, IPIP: _ipip, DS_LITE: _ds_lite}
    common = {
        "prefix_from": table.take("prefix-from", values.interface_name, _Common.prefix_from),
        "wait": table.take("wait", values.number(0, 300), _Common.wait),
        "tunnel": table.take("tunnel", values.tunnel_name, _Common.tunnel),
        "mtu": table.take("mtu", values.number(1280, 1500), _Common.mtu),
    }
    if mode != IPIP:
        _refuse_routed(table, mode)
    mape = readers[mode](table, rules_dir, common)
    table.done()
    return mape


def read_further(table: TomlTable, mode: str, name: str) -> Ipip | DsLite:
    """Return the softwire of [way.NAME] from ``table``; its caller checks that no key is left over.

    The prefix is that of [mape]. The device is NAME0, as mape0 is the device of [mape]. Raises
    ConfigError.
    """
    common: dict[str, Any] = {
        "tunnel": table.take("tunnel", values.tunnel_name, None) or f"{name}0",
        "mtu": table.take("mtu", values.number(1280, 1500), None) or _Common.mtu,
    }
    if mode == IPIP:
        return _ipip(table, {}, common)
    _refuse_routed(table, mode)
    return DsLite(
        aftr=str(table.take("aftr", values.ipv6)),
        interface_id=table.take("interface-id", values.interface_id, None) or INTERFACE_ID,
        **common,
    )


def _refuse_routed(table: TomlTable, mode: str) -> None:
    routed.refuse(
        table, say('"{mode}" has no addresses of its own; "{ipip}" has', mode=mode, ipip=IPIP)
    )


def _map_e(table: TomlTable, rules_dir: Rules, common: dict[str, Any]) -> MapE:
    provider = table.take("provider", values.text, AUTO)
    rules = None
    rule = _rule(table) if table.has("rule") else None
    if provider not in {MANUAL, *SOURCES} and rule is None:
        rules = load_table(rules_dir)
        if provider not in (AUTO, *rules.providers):
            known = [AUTO, MANUAL, *SOURCES, *rules.providers]
            meant = nearest(provider, known)
            fault = table.fault(WRONG, "provider", meant=meant)
            table.fail(unknown(say("provider"), provider, known), "provider", fault)
    mape = MapE(
        provider=provider,
        manual=_manual(table) if provider == MANUAL else None,
        rule=rule,
        rules=rules,
        provisioning=table.take(
            "provisioning",
            values.words(SOURCES),
            (provider,) if provider in SOURCES else MapE.provisioning,
        ),
        open_nat=table.take("open-nat", values.ipv4_list, MapE.open_nat),
        max_share=table.take("max-share", values.number(10, 100), MapE.max_share),
        conntrack_timeouts=table.take("conntrack-timeouts", values.flag, MapE.conntrack_timeouts),
        **common,
    )
    if mape.provisioning and (provider not in {AUTO, *SOURCES} or rule is not None):
        table.fail(
            say('goes with provider = "{auto}" only: there is nothing to learn here', auto=AUTO),
            "provisioning",
        )
    if provider in SOURCES and mape.provisioning != (provider,):
        table.fail(
            say(
                'provider = "{provider}" asks that alone: provisioning = ["{provider}"]',
                provider=provider,
            ),
            "provisioning",
        )
    return mape


def _ipip(table: TomlTable, _rules_dir: Rules, common: dict[str, Any]) -> Ipip:
    br, ipv4 = table.take("br", values.ipv6), table.take("ipv4", values.ipv4)
    ce = table.take("ce", values.ipv6) if table.has("ce") else None
    if ce is not None:
        _check_ends(table, br, ce)
    elif not table.has("interface-id"):
        table.fail(
            say("needs 'interface-id' (the lower half of our end), or 'ce' (all of it)"),
            fault=table.fault(MISSING, "interface-id"),
        )
    return Ipip(
        br=br,
        ipv4=ipv4,
        ce=ce,
        interface_id=table.take("interface-id", values.interface_id, None),
        update=table.take("update", values.path, Ipip.update),
        routed=routed.read(table),
        **common,
    )


def _ds_lite(table: TomlTable, _rules_dir: Rules, common: dict[str, Any]) -> DsLite:
    return DsLite(
        aftr=table.take("aftr", values.host),
        interface_id=table.take("interface-id", values.interface_id, INTERFACE_ID),
        **common,
    )


def _rule(table: TomlTable) -> MapRule:
    """Return [mape.rule], with the border relay of [mape]; raises ConfigError."""
    br = table.take("br", values.ipv6)
    inner = table.table("rule")
    try:
        rule = MapRule(
            inner.take("ipv6-prefix", values.text),
            inner.take("ipv4-prefix", values.text),
            inner.take("ea-length", values.number(0, 48)),
            inner.take("psid-offset", values.number(0, 15), DEFAULT_PSID_OFFSET),
            br,
            inner.take("layout", values.one_of(LAYOUTS), "draft"),
            provider=MANUAL,
            source=f"{table.source.name}:{table.source.line('mape.rule')}",
        )
    except MapeError as error:
        inner.fail(str(error))
    inner.done()
    return rule


def _manual(table: TomlTable) -> Manual:
    """Return the values for provider = "manual", those of mape.sh; raises ConfigError."""
    psid = table.take("psid", values.number(0, 0xFFFF))
    offset = table.take("psid-offset", values.number(0, 15), DEFAULT_PSID_OFFSET)
    length = table.take("psid-length", values.number(0, 16))
    try:
        port_set = PortSet(psid, offset, length)
    except MapeError as error:
        table.fail(str(error), "psid")
    manual = Manual(
        br=table.take("br", values.ipv6),
        ce=table.take("ce", values.ipv6),
        ipv4=table.take("ipv4", values.ipv4),
        port_set=port_set,
    )
    _check_ends(table, manual.br, manual.ce)
    return manual


def _check_ends(table: TomlTable, br: IPv6Address, ce: IPv6Address) -> None:
    if br == ce:
        table.fail(say("the border relay and the CE cannot be the same address"), "ce")

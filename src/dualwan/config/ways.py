"""The tables [way.NAME]: ways to the IPv4 internet besides [mape] and [pppoe]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dualwan.config import mape, sections, values
from dualwan.config.firewall import IPV6
from dualwan.config.forwards import MAPE, PPPOE
from dualwan.config.mape import DsLite, Ipip, MapE, Mape
from dualwan.config.sections import Pppoe
from dualwan.errors import WRONG
from dualwan.frozen import dataclass
from dualwan.toml_source import Source, TomlTable
from dualwan.words import say

if TYPE_CHECKING:
    from dualwan.config import Config

VPN = "vpn"
MOST = 6  # with [mape] and [pppoe] 8, as many as there are marks for (slices.marks)
TYPES = (PPPOE, mape.IPIP, mape.DS_LITE, VPN)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,13}")
# Words with another meaning where a way is named; ip6tnl0 is the kernel's fallback device.
_TAKEN = (MAPE, PPPOE, IPV6, "none", "ip6tnl")


@dataclass(frozen=True)
class Vpn:
    """A device that another program makes and that leads to the internet; nothing comes in by it.

    mtu: in bytes, 576 to 1500 (1420 is WireGuard's).
    """

    interface: str
    mtu: int = 1420

    mode = VPN


FurtherWay = Pppoe | Ipip | DsLite | Vpn
_BY_VPN = say("nothing comes in by a VPN: name another way")
# The rules of each way have three priorities, those of [mape] and [pppoe] together four: one
# before [pppoe] priority, that, and the two after it.
TABLES, PRIORITIES, _EACH = 2, 4, 3  # the first ones of a further way, relative to those of [pppoe]


def section(name: str) -> str:
    """Return the name of the table of the further way ``name``."""
    return f"way.{name}"


def section_of(name: str, config: Config) -> str:
    """Return the section of any way: "mape", "pppoe", or "way.NAME" of a further one."""
    return section(name) if name in config.ways else name


def table_of(pppoe: Pppoe, place: int) -> int:
    """Return the routing table of the further way at ``place``, from 0."""
    return pppoe.table + TABLES + place


def priority_of(pppoe: Pppoe, place: int) -> int:
    """Return the priority of the rule by source of the further way at ``place``, from 0."""
    return pppoe.priority + PRIORITIES + _EACH * place


def highest_priority(config: Config) -> int:
    """Return the highest [pppoe] priority that leaves room for one more rule of each way."""
    pppoe = config.pppoe
    last = priority_of(pppoe, MOST - 1) if config.ways else pppoe.priority + 1
    return sections.MAX_PRIORITY - (last - pppoe.priority)


def read(source: Source, data: Any) -> dict[str, FurtherWay]:
    """Return the ways in ``data``, the value of `way` in ``source``, in the order of the file.

    Raises ConfigError.
    """
    if not isinstance(data, dict):
        fault = source.fault(WRONG, "", "way")
        source.fail(say("must be tables with a name, as in [way.fixed]"), "way", fault=fault)
    found: dict[str, FurtherWay] = {}
    for name, item in data.items():
        if item is None:  # never of a file: one that is reported already (config.every_error)
            continue
        _check_name(source, name)
        if len(found) == MOST:
            source.fail(
                say(
                    "is one too many: beside [mape] and [pppoe] there can be {most} ways",
                    most=MOST,
                ),
                section(name),
            )
        found[name] = _way(TomlTable(source, section(name), item))
    return found


def _check_name(source: Source, name: str) -> None:
    fault = source.fault(WRONG, "way", name)
    if name in _TAKEN:
        source.fail(
            say("'{name}' means something else already; take another name", name=name),
            section(name),
            fault=fault,
        )
    if not _NAME.fullmatch(name):
        source.fail(
            say(
                "'{name}' is no name of a way (a letter, then letters, digits and -; up to 14)",
                name=name,
            ),
            section(name),
            fault=fault,
        )


def _way(table: TomlTable) -> FurtherWay:
    kind = table.take("type", values.one_of(TYPES))
    found: FurtherWay
    if kind == PPPOE:
        found = sections.read_session(table)
    elif kind == VPN:
        found = Vpn(
            interface=table.take("interface", values.interface_name),
            mtu=table.take("mtu", values.number(576, 1500), None) or Vpn.mtu,
        )
    else:
        found = mape.read_further(table, kind, table.section.partition(".")[2])
    table.done()
    return found


def check(source: Source, config: Config) -> None:
    """Raise ConfigError for the first further way that conflicts with another way."""
    taken: dict[object, str] = {}
    parts = [(MAPE, config.mape), (PPPOE, config.pppoe), *config.further]
    for name, way in parts:
        place = section_of(name, config)
        for key, value in _own(way).items():
            if value in taken:
                source.fail(
                    say("{value} is listed twice, also in {key}", value=value, key=taken[value]),
                    place,
                    key,
                )
            taken[value] = f"{place}.{key}"
    if config.ways:
        _check_numbers(source, config.pppoe)


def check_inbound(source: Source, config: Config) -> None:
    """Raise ConfigError if something is to come in by a way by which nothing does."""
    every = {MAPE: config.mape, **config.ways}
    no_address = {name for name, way in every.items() if isinstance(way, DsLite)}
    closed = {name for name, way in every.items() if isinstance(way, Vpn)}
    for one in config.forwards:
        if one.via in no_address | closed:
            reason = say("DS-Lite has no address of its own to forward from")
            source.fail(_BY_VPN if one.via in closed else reason, "forward", "via", one.number)
    named = {name for offer in config.firewall.inbound for name in offer.via}
    if named & (no_address | closed):
        reason = say("DS-Lite has no address of its own to offer on")
        source.fail(_BY_VPN if named & closed else reason, "firewall", "inbound")


def _own(way: Mape | FurtherWay) -> dict[str, object]:
    """Return, by key, the values that no two ways may share: the peer, or the address and CE."""
    if isinstance(way, Vpn):
        return {}  # of its interface see config.interfaces
    if isinstance(way, Pppoe):
        return {"peer": way.peer}
    if isinstance(way, MapE):
        return {"ipv4": way.manual.ipv4, "ce": way.manual.ce} if way.manual else {}
    if isinstance(way, DsLite):
        return {"interface-id": way.interface_id}
    end = {"ce": way.ce} if way.ce else {"interface-id": way.interface_id}
    return {"ipv4": way.ipv4, **end}


def _check_numbers(source: Source, pppoe: Pppoe) -> None:
    """Raise ConfigError if a further way has no routing table, or no rules, of its own."""
    tables = {table_of(pppoe, place) for place in range(MOST)}
    if tables & values.RESERVED_TABLES:
        source.fail(
            say(
                "with further ways the next {number} tables are ours too, and one belongs to the "
                "kernel; take another, such as 100",
                number=TABLES + MOST - 1,
            ),
            "pppoe",
            "table",
        )
    last = priority_of(pppoe, MOST - 1)
    if last > sections.MAX_PRIORITY + 1:
        most = sections.MAX_PRIORITY + 1 - (last - pppoe.priority)
        source.fail(
            say("with further ways it must be a number from 1 to {most}", most=most),
            "pppoe",
            "priority",
        )


def devices(ways: Mapping[str, FurtherWay]) -> list[tuple[str, str, str]]:
    """Return section, key and value of the interface of each way."""
    return [
        (section(name), "tunnel" if isinstance(way, Ipip | DsLite) else "interface", device(way))
        for name, way in ways.items()
    ]


def device(way: FurtherWay) -> str:
    """Return the interface of ``way``, as it is configured."""
    return way.tunnel if isinstance(way, Ipip | DsLite) else way.interface

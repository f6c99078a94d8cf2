"""The tables [[policy]]: which way the LAN's new IPv4 flows take.

The first policy in the file that matches a flow decides. `via-pppoe` of [lan] is the short form of
one more policy, the last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dualwan.config import values
from dualwan.config.forwards import MAPE
from dualwan.config.sections import Lan
from dualwan.config.ways import MOST, highest_priority
from dualwan.errors import WRONG
from dualwan.frozen import dataclass, field
from dualwan.mape.portset import MAX_PORT
from dualwan.toml_source import Source, TomlTable
from dualwan.words import say

if TYPE_CHECKING:
    from dualwan.config import Config

T = TypeVar("T")
Span = tuple[int, int]  # the first and the last value

NOTHING = "none"  # as a fallback: a flow whose way is down is rejected
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "esp": 50, "gre": 47, "6in4": 41}
WITH_PORTS = ("tcp", "udp")
_GROUP = 1 << 40  # the group bit of a link address (IEEE 802)
_OCTETS = 6
_ALL: Span = (-1, 1 << 64)  # of a field that the policy has no condition on


@dataclass(frozen=True)
class Policy:
    """The way of the LAN's flows that meet all conditions; () is no condition.

    way: its name. fallback: the way used while that one is down, or NOTHING.
    interfaces: of the LAN, or patterns. sources: networks. macs: as numbers. protocols: of
    PROTOCOLS. ports, destinations: of the flow's destination.
    number: among the tables [[policy]], from 0, -1 for the short form. place: file and line.
    """

    way: str
    fallback: str
    interfaces: tuple[str, ...] = ()
    sources: tuple[IPv4Network, ...] = ()
    macs: tuple[int, ...] = ()
    protocols: tuple[str, ...] = ()
    ports: tuple[Span, ...] = ()
    destinations: tuple[IPv4Network, ...] = ()
    number: int = field(default=-1, compare=False)
    place: str = field(default="", compare=False)

    @property
    def spans(self) -> tuple[tuple[Span, ...], ...]:
        """The values that the policy matches in each of FIELDS, as number ranges; () for all."""
        return (
            tuple((mac, mac) for mac in self.macs),
            tuple(map(_span, self.sources)),
            tuple(map(_span, self.destinations)),
            tuple((PROTOCOLS[name], PROTOCOLS[name]) for name in self.protocols),
            self.ports,
        )


# Fields of a packet that a policy may have a condition on, besides its interface.
FIELDS = ("mac", "source", "destination", "protocol", "port")


def _span(network: IPv4Network) -> Span:
    first = int(network.network_address)
    return first, first + network.num_addresses - 1


def mac_text(mac: int) -> str:
    """Return a link address as it is written."""
    return mac.to_bytes(_OCTETS, "big").hex(":")


def port_text(span: Span) -> str:
    """Return ports as they are written."""
    first, last = span
    return str(first) if first == last else f"{first}-{last}"


def read(source: Source, data: Any, ways: Sequence[str], lan: Lan) -> tuple[Policy, ...]:
    """Return the policies in ``data``, the value of `policy` in ``source``, and the short form.

    ``ways``: names of the ways, the default one first. Raises ConfigError.
    """
    if not isinstance(data, list):
        fault = source.fault(WRONG, "", "policy")
        source.fail(say("must be tables, as in [[policy]]"), "policy", fault=fault)
    found = [
        _policy(TomlTable(source, "policy", item, number), number, ways, lan)
        for number, item in enumerate(data)
        if item is not None  # config.every_error has left this one out
    ]
    if found and lan.via_pppoe:
        place = f"{source.name}:{source.line('lan', 'via-pppoe')}"
        found.append(Policy("pppoe", lan.fallback, sources=lan.via_pppoe, place=place))
    _check_reached(source, found)
    return tuple(found)


def check_beside(source: Source, config: Config, found: Sequence[Policy]) -> None:
    """Raise ConfigError if the policies ``found`` need a priority or a mark that the ways occupy.

    With policies each way may have one more rule, for flows that take it or nothing, after its own.
    With eight ways the first way's mark for such flows belongs to the eighth (slices.marks).
    """
    limit = highest_priority(config)
    if config.pppoe.priority > limit:
        source.fail(
            say("must be {limit} at most with [[policy]], whose rules follow", limit=limit),
            "pppoe",
            "priority",
        )
    for one in found if len(config.ways) == MOST else ():
        if one.way == MAPE and one.fallback != MAPE:
            source.fail(
                say("with eight ways, a policy by {way} can have no other fallback", way=MAPE),
                "policy",
                "fallback",
                one.number,
            )


def _policy(table: TomlTable, number: int, ways: Sequence[str], lan: Lan) -> Policy:
    way = table.take("way", values.one_of(tuple(ways)))
    fallback = table.take("fallback", values.one_of((*ways, NOTHING)), ways[0])
    protocols = table.take("protocol", _each(_protocol), ())
    ports = _merged(table.take("port", _each(_ports), ()))
    policy = Policy(
        way,
        fallback,
        table.take("interface", _each(values.interface_or_pattern), ()),
        tuple(collapse_addresses(table.take("source", _each(_network), ()))),
        table.take("mac", _each(_mac), ()),
        protocols or (WITH_PORTS if ports else ()),
        ports,
        tuple(collapse_addresses(table.take("destination", _each(_network), ()))),
        number,
        f"{table.source.name}:{table.source.line('policy', '', number)}",
    )
    table.done()
    if fallback == way and table.has("fallback"):
        table.fail(say("is the policy's own way: leave it out, or name another"), "fallback")
    if ports and (portless := [name for name in protocols if name not in WITH_PORTS]):
        table.fail(say("{protocol} has no ports", protocol=portless[0]), "port")
    for name in policy.interfaces:
        if not any(values.covers(own, name) or values.covers(name, own) for own in lan.interfaces):
            known = ", ".join(lan.interfaces)
            table.fail(
                say("'{name}' is no interface of the LAN ({known})", name=name, known=known),
                "interface",
            )
    return policy


def _each(convert: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    """Return a converter of one value, or of a list of them."""

    def converted(value: Any) -> tuple[T, ...]:
        if value == []:
            raise ValueError(say("is empty: the policy would take nothing; leave the key out"))
        items = value if isinstance(value, list) else [value]
        return tuple(dict.fromkeys(convert(item) for item in items))

    return converted


def _network(value: Any) -> IPv4Network:
    try:
        found = ip_network(values.text(value))
    except ValueError:
        raise ValueError(
            say(
                "{value!r} is no host or network such as 192.168.1.5 or 192.168.1.64/26 "
                "(no bits set past the length)",
                value=value,
            )
        ) from None
    if not isinstance(found, IPv4Network):
        raise ValueError(
            say(
                "{value!r} is IPv6, which has no choice of ways: it leaves by the line itself",
                value=value,
            )
        )
    return found


def _mac(value: Any) -> int:
    text = values.text(value)
    if not re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", text):
        raise ValueError(say("{value!r} is no link address such as 02:00:5e:10:00:01", value=value))
    found = int(re.sub("[:-]", "", text), 16)
    if not found or found & _GROUP:
        raise ValueError(say("{value!r} is not the link address of one device", value=value))
    return found


def _protocol(value: Any) -> str:
    return values.one_of(tuple(PROTOCOLS))(value)


def _ports(value: Any) -> Span:
    """Convert a port or a range of ports, 8080 or "8000-8100"."""
    if isinstance(value, int):
        port = values.number(1, MAX_PORT)(value)
        return port, port
    parts = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", value) if isinstance(value, str) else None
    if not parts or not 1 <= int(parts[1]) <= int(parts[2]) <= MAX_PORT:
        raise ValueError(
            say(
                "{value!r} must be a port or a range of ports from 1 to {max_port}, "
                'as in 443 or "8000-8100"',
                value=value,
                max_port=MAX_PORT,
            )
        )
    return int(parts[1]), int(parts[2])


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return ``spans`` in order, those that touch or overlap as one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


class _Box(NamedTuple):
    """A policy, its ranges, their lowest and highest value by field, and one field in use."""

    policy: Policy
    spans: tuple[tuple[Span, ...], ...]
    bounds: tuple[Span, ...]
    field: int


def _box(policy: Policy) -> _Box:
    spans = policy.spans
    bounds = tuple((min(one)[0], max(one)[1]) if one else _ALL for one in spans)
    return _Box(policy, spans, bounds, next((at for at, one in enumerate(spans) if one), 0))


def _check_reached(source: Source, policies: Sequence[Policy]) -> None:
    """Raise ConfigError for the first policy that no packet reaches, because of an earlier one.

    A comparison of one field settles most of the many pairs.
    """
    boxes: list[_Box] = []
    for box in map(_box, policies):
        for wider in boxes:
            (low, high), (first, last) = wider.bounds[wider.field], box.bounds[wider.field]
            if low <= first and last <= high and _is_in(box, wider):
                section, key = ("policy", "") if box.policy.number >= 0 else ("lan", "via-pppoe")
                source.fail(
                    say("takes nothing: {place} takes all of it before", place=wider.policy.place),
                    section,
                    key,
                    max(box.policy.number, 0),
                )
        boxes.append(box)


def _is_in(box: _Box, wider: _Box) -> bool:
    """Whether ``wider`` matches every packet that ``box`` matches."""
    return _all_within(box.policy.interfaces, wider.policy.interfaces) and all(
        map(_within, box.spans, wider.spans)
    )


def _all_within(names: tuple[str, ...], wider: tuple[str, ...]) -> bool:
    """Whether each of the interfaces ``names`` is one of ``wider``; () is all."""
    if not wider:
        return True
    return bool(names) and all(any(values.covers(own, name) for own in wider) for name in names)


def _within(spans: tuple[Span, ...], wider: tuple[Span, ...]) -> bool:
    """Whether each of ``spans`` is in one of ``wider``; () is all."""
    if not wider:
        return True
    return bool(spans) and all(
        any(low <= first and last <= high for low, high in wider) for first, last in spans
    )

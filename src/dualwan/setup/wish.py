"""The keys of dualwan.toml that the commands of the old scripts ask for. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dualwan.config import values
from dualwan.config.firewall import DAY, GUARDED, INBOUND, OUTBOUND, Firewall, Guard, networks
from dualwan.config.forwards import PPPOE, SMB
from dualwan.config.mape import MapE
from dualwan.config.sections import MAX_PRIORITY, Pppoe
from dualwan.config.services import KNOWN, PING
from dualwan.setup.outcome import CLOSED, Entry, Inbound, Redirect
from dualwan.words import say


class Setting(NamedTuple):
    """A key to write. toml: its value as text. origin: FILE:LINE, "" for a person's answer."""

    section: str
    key: str
    toml: str
    origin: str = ""


class Wish(NamedTuple):
    """The wishes of the scripts, except for the interfaces and the softwire.

    settings: keys with a value other than the default. usual: keys asked for with the default
    value. forwards: each with its place. refused: a sentence for each wish that cannot be granted.
    """

    settings: tuple[Setting, ...] = ()
    usual: tuple[str, ...] = ()
    forwards: tuple[tuple[Redirect, str], ...] = ()
    refused: tuple[str, ...] = ()


class _One(NamedTuple):
    """One value that a command asks for."""

    section: str
    key: str
    value: Any
    origin: str


Converter = Callable[[Any], Any]
_KEYS: dict[tuple[str, str], tuple[Converter, Any]] = {  # with the default
    ("mape", "tunnel"): (values.tunnel_name, MapE.tunnel),
    ("mape", "mtu"): (values.number(1280, 1500), MapE.mtu),
    ("pppoe", "interface"): (values.interface_name, Pppoe.interface),
    ("pppoe", "table"): (values.routing_table, Pppoe.table),
    ("pppoe", "priority"): (values.number(1, MAX_PRIORITY), Pppoe.priority),
    ("pppoe", "mtu"): (values.number(576, 1500), Pppoe.mtu),
    ("firewall", "ident"): (values.one_of(("reset", "drop")), Firewall.ident),
    ("firewall", "smb"): (values.one_of(("drop", "accept")), Firewall.smb),
    ("firewall", "bogus"): (values.one_of(("drop", "accept")), Firewall.bogus),
    ("firewall.guard", "hits"): (values.number(1, 20), Guard.hits),
    ("firewall.guard", "seconds"): (values.number(1, DAY), Guard.seconds),
    ("firewall.guard", "refuse"): (values.number(1, DAY), Guard.refuse),
}


def toml(value: object) -> str:
    """Return ``value`` as TOML: a text, a number, a boolean or a list of texts."""
    return json.dumps(value, ensure_ascii=False)


def wish(entries: Sequence[Entry]) -> Wish:
    """Return the wishes of ``entries``; of several values for a key the first counts."""
    settings, usual, refused = _values(entries)
    forwards, more = _forwards(entries)
    opened, closed = _opened(entries)
    shut = dict(asked(entries, ""))
    for key, found, default in (
        ("inbound", _inbound(opened, forwards, _place(shut, "INPUT")), INBOUND),
        ("outbound", _outbound(entries, _place(shut, "OUTPUT")), OUTBOUND),
    ):
        if not found:
            continue
        if {*found[0]} == {json.dumps(name) for name in default}:
            usual.append(f"[firewall] {key} = {json.dumps(default)}")
        else:
            settings.append(Setting("firewall", key, f"[{', '.join(found[0])}]", found[1]))
    return Wish(tuple(settings), tuple(usual), tuple(forwards), (*refused, *closed, *more))


def _values(entries: Sequence[Entry]) -> tuple[list[Setting], list[str], list[str]]:
    """Return the single-value keys: those to set, those with the default, and what is refused."""
    settings, usual, refused = [], [], []
    seen: dict[tuple[str, str], Any] = {}
    for one in _single(entries):
        place = one.section, one.key
        convert, default = _KEYS[place]
        try:
            value = convert(one.value)
        except ValueError as error:
            refused.append(
                say(
                    "{origin}: {section}.{key}: {error}",
                    origin=one.origin,
                    section=one.section,
                    key=one.key,
                    error=error,
                )
            )
            continue
        if place not in seen:
            seen[place] = value
            if value == default:
                usual.append(f"[{one.section}] {one.key} = {toml(value)}")
            else:
                settings.append(Setting(one.section, one.key, toml(value), one.origin))
        elif seen[place] != value:
            refused.append(
                say(
                    "{origin}: {section}.{key} = {toml} is another value than before; "
                    "{taken} is taken",
                    origin=one.origin,
                    section=one.section,
                    key=one.key,
                    toml=toml(value),
                    taken=toml(seen[place]),
                )
            )
    return settings, usual, refused


def asked(entries: Iterable[Entry], key: str) -> Iterator[tuple[Any, str]]:
    """Yield each value that ``entries`` ask for under the dotted ``key``, with its place."""
    for entry in entries:
        if entry.outcome.key == key and entry.outcome.value is not None:
            yield entry.outcome.value, entry.place


def _single(entries: Sequence[Entry]) -> Iterator[_One]:
    """Yield the values of single-value keys."""
    for entry in entries:
        section, _, key = entry.outcome.key.partition(".")
        value, place = entry.outcome.value, entry.place
        if value is None:
            continue
        if (section, key) in _KEYS and (section, key) != ("pppoe", "table"):
            yield _One(section, key, value, place)
        elif (section, key) == ("pppoe", "table"):
            yield _One(section, "table", value[0], place)
            if value[1] is not None:
                yield _One(section, "priority", value[1], place)
        elif (section, key) == ("firewall", "guard"):
            yield from (_One("firewall.guard", name, one, place) for name, one in value.items())


def _place(shut: Mapping[str, str], chain: str) -> str:
    """Return the place where ``chain`` gets the policy DROP, "" for none."""
    return next((place for name, place in shut.items() if name == chain or "$" in name), "")


def _outbound(entries: Sequence[Entry], shut: str) -> tuple[list[str], str] | None:
    """Return the items for `outbound`, and the place of the first; None for none.

    If no place has closed the chain (``shut``), the items are added to the default.
    """
    asking = asked(entries, "firewall.outbound")
    found = [(port, place) for ports, place in asking for port in ports]
    if not found:
        return None
    names = _services(port for port, _ in found)
    if not shut:
        names = list(dict.fromkeys([*OUTBOUND, *names]))
    return [json.dumps(name) for name in names], found[0][1]


def _opened(entries: Sequence[Entry]) -> tuple[list[tuple[Inbound, str]], list[str]]:
    """Return the ports that are opened, with their places, and a sentence for each other one.

    A rule that refuses the port, and that the packets meet before, makes it such.
    """
    refusals = list(asked(entries, CLOSED))
    closed = {port: place for one, place in refusals if one.first for port in one.ports}
    found, refused = [], []
    for entry in entries:
        key, value = entry.outcome.key, entry.outcome.value
        if key == CLOSED:
            closed.update(dict.fromkeys(value.ports, entry.place))
        for one in value or () if key == "firewall.inbound" else ():
            if one.port in closed:
                refused.append(
                    say(
                        "{place}: {port} is not opened, because {closed} refuses it before",
                        place=entry.place,
                        port=one.port,
                        closed=closed[one.port],
                    )
                )
            else:
                found.append((one, entry.place))
    return found, refused


def _inbound(
    opened: Sequence[tuple[Inbound, str]], forwards: Sequence[tuple[Redirect, str]], shut: str
) -> tuple[list[str], str] | None:
    """Return the items for `inbound`, and the place of the first; without forwarded ports.

    Without any, an empty list if a place has closed the chain (``shut``), else None.
    """
    taken = {f"{one.protocol}/{one.port}" for one, _ in forwards if one.via == PPPOE}
    found = [
        (one, place)
        for one, place in opened
        if one.port not in taken and _known_networks(one.sources)
    ]
    if not found:
        return ([], shut) if shut else None
    groups: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for one, _ in found:
        groups.setdefault((one.sources, one.guard), []).append(one.port)
    items: dict[tuple[str, bool], str] = {}
    for (sources, guard), ports in groups.items():
        for name in _services(ports):
            items.setdefault((name, bool(sources)), _item(name, sources, guard=guard))
    return list(items.values()), found[0][1]


def _item(name: str, sources: tuple[str, ...], *, guard: bool) -> str:
    """Return a service as an item of `inbound`."""
    by_default = name in GUARDED and not sources
    if guard == by_default and not sources:
        return json.dumps(name)
    parts = [f"service = {json.dumps(name)}"]
    if sources:
        parts.append(f"from = {json.dumps(list(sources))}")
    if guard != by_default:
        parts.append(f"guard = {json.dumps(guard)}")
    return f"{{ {', '.join(parts)} }}"


def _services(ports: Iterable[str]) -> list[str]:
    """Return the names of services with ``ports``, "tcp/22" and the like or "ping"."""
    left = dict.fromkeys(ports)
    names = {}
    for name, needed in KNOWN.items():
        texts = ["ping" if one == PING else f"{one.protocol}/{one.number}" for one in needed]
        if all(text in left for text in texts):
            for text in texts:
                names[text] = name
    return list(dict.fromkeys(names.get(port, port) for port in left))


def _known_networks(sources: tuple[str, ...]) -> bool:
    try:
        return not sources or bool(networks(list(sources)))
    except ValueError:
        return False


def _forwards(entries: Sequence[Entry]) -> tuple[list[tuple[Redirect, str]], list[str]]:
    """Return the forwards, each once, and a sentence for each that is impossible."""
    found: dict[tuple[str, str, int], tuple[Redirect, str]] = {}
    refused = []
    for several, place in asked(entries, "forward"):
        for one in several:
            text = say(
                "{place}: the forward of {protocol}/{port}",
                place=place,
                protocol=one.protocol,
                port=one.port,
            )
            inside = one.to.partition(":")[2]
            if {one.port, int(inside or one.port)} & {*SMB}:
                refused.append(
                    say("{text} is Windows file sharing, which is not let through", text=text)
                )
            elif not _known_networks(one.sources):
                refused.append(say("{text}: for whom it is could not be read", text=text))
            elif not _is_host(one.to.partition(":")[0]):
                refused.append(say("{text}: {to} is no address of a host", text=text, to=one.to))
            elif (one.via, one.protocol, one.port) in found:
                refused.append(say("{text} is there twice; the first is taken", text=text))
            else:
                found[one.via, one.protocol, one.port] = one, place
    return list(found.values()), refused


def _is_host(address: str) -> bool:
    try:
        values.ipv4(address)
    except ValueError:
        return False
    return True

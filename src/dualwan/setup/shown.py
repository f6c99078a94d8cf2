"""What `dualwan-hook init` shows of what it has read and is about to write, as lines. Pure."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from dualwan import cells
from dualwan.catalogue import shown as translated
from dualwan.config import Config
from dualwan.setup.nics import WIDTH
from dualwan.setup.outcome import Entry, Outcome
from dualwan.setup.reading import Reading
from dualwan.setup.stanza import Edit
from dualwan.setup.wish import toml
from dualwan.words import listed, say

_LISTS = ("firewall.inbound", "firewall.outbound")
_PAIRS = {
    "mape.psid-length": ("psid-offset", "psid-length"),
    "pppoe.table": ("table", "priority"),
}
_TEXT = 74  # columns of a command, unless everything is shown
BESIDES = (
    say("the LAN is translated and may use everything: no rule of yours is needed for it"),
    say("IPv6, which the scripts leave open, is closed from outside"),
    say(
        "PPPoE's address may change: routing and firewall follow; for its "
        "name, hooks.d has an example"
    ),
    say('servers by MAP-E\'s address, on ports of its set: [[forward]] with via = "mape"'),
    say("one interface for line and LAN: name it as both"),
)


def account(reading: Reading, *, everything: bool = False) -> Iterator[str]:
    """Yield the outcome of each command; ``everything``: each on a line of its own."""
    for file, entries in reading.accounts:
        done = sum(entry.outcome.done for entry in entries)
        left = (
            say(", {count} not taken over", count=len(entries) - done)
            if done < len(entries)
            else ""
        )
        yield say(
            "{path}: {count} commands or rules{left}", path=file.path, count=len(entries), left=left
        )
        kind = _what if everything else _kind
        for _, same in groupby(entries, key=lambda entry: kind(entry.outcome)):
            yield from _group(list(same), everything=everything)
        yield ""
    if reading.others:
        yield from _wrapped(
            say("The chains of other programs stay: {others}.", others=", ".join(reading.others))
        )
        yield ""


def _group(entries: Sequence[Entry], *, everything: bool) -> Iterator[str]:
    first, last = (_number(entries[at].place) for at in (0, -1))
    if everything:
        for entry in entries:
            yield f"  {_number(entry.place):>4}  {entry.text}"
    else:
        place = first if first == last else f"{first}-{last}"
        more = ""
        if len(entries) > 1:
            more = translated(say(" (and {count} more)", count=len(entries) - 1))
        room = _TEXT - len(place) - cells.width(more)
        yield f"  {place}  {textwrap.shorten(entries[0].text, room, placeholder=' ...')}{more}"
    outcome = _together([entry.outcome for entry in entries])
    yield from _wrapped("-> " + _what(outcome), "      ", "         ")


def _kind(outcome: Outcome) -> str:
    """Return the common words of outcomes that are shown together."""
    return outcome.key if outcome.key in _LISTS else _what(outcome)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """Return ``outcomes`` of one kind merged into one."""
    first = outcomes[0]
    if first.key not in _LISTS or len(outcomes) == 1:
        return first
    values = [value for one in outcomes for value in one.value or ()]
    says = dict.fromkeys(one.says for one in outcomes)
    return first._replace(value=tuple(values) or None, says=listed("; ", says))


def _number(place: str) -> str:
    return place.rsplit(":", 1)[-1]


def _what(outcome: Outcome) -> str:
    if not outcome.done:
        return say("not taken over: {says}", says=outcome.says)
    if not outcome.key:
        return say("no key needed: {says}", says=outcome.says)
    key = _key(outcome)
    return say("{key}: {says}", key=key, says=outcome.says) if outcome.says else key


def _key(outcome: Outcome) -> str:
    section, _, key = outcome.key.rpartition(".")
    value: Any = outcome.value
    if outcome.key == "forward":
        several = [f" {one.protocol}/{one.port} to {one.to}" for one in value or ()]
        return f"[[forward]]{','.join(several)}"
    if outcome.key == "firewall.guard":
        return " ".join(["[firewall.guard]", _pairs(value or {})]).strip()
    if outcome.key in _PAIRS and value:
        given = zip(_PAIRS[outcome.key], value, strict=True)
        return f"[{section}] {_pairs(dict(given))}"
    if isinstance(value, tuple):
        groups = [_ports(list(same), sources) for sources, same in groupby(value, key=_sources)]
        return say(
            "[{section}] {key} {ports}", section=section, key=key, ports=listed("; ", groups)
        )
    if value is None:
        return f"[{section}] {key}"
    return f"[{section}] {key} = {value if key == 'psid' else toml(value)}"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} = {one}" for key, one in values.items() if one is not None)


def _sources(one: object) -> tuple[str, ...]:
    return getattr(one, "sources", ())


def _ports(several: Sequence[object], sources: Sequence[str]) -> str:
    """Return ports that are for the same ``sources``, () for all."""
    ports = ", ".join(str(getattr(one, "port", one)) for one in several)
    return ports + (say(" from {sources}", sources=", ".join(sources)) if sources else "")


def opened(config: Config) -> Iterator[str]:
    """Yield what is open from outside with ``config``."""
    services = [
        one.service.name
        + (say(" (attempts are limited)") if one.guard else "")
        + (say(" from {sources}", sources=", ".join(map(str, one.sources))) if one.sources else "")
        for one in config.firewall.inbound
    ]
    yield from _wrapped(
        say(
            "Open by PPPoE on this router: {services}.",
            services=listed(", ", services) if services else say("nothing"),
        )
    )
    for forward in config.forwards:
        yield from _wrapped(
            say(
                "Open by {via} to {to}: {protocol}/{port}.",
                via=forward.via,
                to=forward.to,
                protocol=forward.protocol,
                port=forward.port,
            ),
            "  ",
        )


def difference(edit: Edit) -> Iterator[str]:
    """Yield the difference that ``edit`` makes, as diff -u shows it."""
    before, after = (text.splitlines() for text in (edit.before, edit.after))
    yield from sentences(edit.why)
    name = edit.path
    lines = difflib.unified_diff(before, after, name, name, n=1, lineterm="")
    yield from (f"  {line.rstrip()}" for line in lines)


def sentences(said: Sequence[str]) -> Iterator[str]:
    """Yield each sentence with a mark, wrapped."""
    for one in said:
        yield from _wrapped("- " + one, "  ", "    ")


def _wrapped(text: str, first: str = "", later: str = "") -> Iterator[str]:
    yield from cells.wrap(translated(text), WIDTH, first, later, whole=True)

"""What `dualwan-hook init` shows of what it has read and is about to write, as lines. Pure."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from dualwan.config import Config
from dualwan.setup.nics import WIDTH
from dualwan.setup.outcome import Entry, Outcome
from dualwan.setup.reading import Reading
from dualwan.setup.stanza import Edit
from dualwan.setup.wish import toml

_LISTS = ("firewall.inbound", "firewall.outbound")
_PAIRS = {
    "mape.psid-length": ("psid-offset", "psid-length"),
    "pppoe.table": ("table", "priority"),
}
_TEXT = 74  # columns of a command, unless everything is shown
BESIDES = (
    "the LAN is translated and may use everything: no rule of yours is needed for it",
    "IPv6, which the scripts leave open, is closed from outside",
    "PPPoE's address may change: routing and firewall follow; for its name, hooks.d has an example",
    'servers by MAP-E\'s address, on ports of its set: [[forward]] with via = "mape"',
    "one interface for line and LAN: name it as both",
)


def account(reading: Reading, *, everything: bool = False) -> Iterator[str]:
    """Yield what becomes of each command; ``everything``: each on a line of its own."""
    for file, entries in reading.accounts:
        done = sum(entry.outcome.done for entry in entries)
        left = f", {len(entries) - done} not taken over" if done < len(entries) else ""
        yield f"{file.path}: {len(entries)} commands or rules{left}"
        kind = _what if everything else _kind
        for _, same in groupby(entries, key=lambda entry: kind(entry.outcome)):
            yield from _group(list(same), everything=everything)
        yield ""
    if reading.others:
        yield from _wrapped(f"The chains of other programs stay: {', '.join(reading.others)}.")
        yield ""


def _group(entries: Sequence[Entry], *, everything: bool) -> Iterator[str]:
    first, last = (_number(entries[at].place) for at in (0, -1))
    if everything:
        for entry in entries:
            yield f"  {_number(entry.place):>4}  {entry.text}"
    else:
        place = first if first == last else f"{first}-{last}"
        more = f" (and {len(entries) - 1} more)" if len(entries) > 1 else ""
        room = _TEXT - len(place) - len(more)
        yield f"  {place}  {textwrap.shorten(entries[0].text, room, placeholder=' ...')}{more}"
    outcome = _together([entry.outcome for entry in entries])
    yield from _wrapped(f"-> {_what(outcome)}", "      ", "         ")


def _kind(outcome: Outcome) -> str:
    """Return what outcomes have in common that are shown together."""
    return outcome.key if outcome.key in _LISTS else _what(outcome)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """Return ``outcomes`` of one kind as one."""
    first = outcomes[0]
    if first.key not in _LISTS or len(outcomes) == 1:
        return first
    values = [value for one in outcomes for value in one.value or ()]
    says = dict.fromkeys(one.says for one in outcomes)
    return first._replace(value=tuple(values) or None, says="; ".join(says))


def _number(place: str) -> str:
    return place.rsplit(":", 1)[-1]


def _what(outcome: Outcome) -> str:
    if not outcome.done:
        return f"not taken over: {outcome.says}"
    if not outcome.key:
        return f"no key needed: {outcome.says}"
    says = f": {outcome.says}" if outcome.says else ""
    return f"{_key(outcome)}{says}"


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
        ports = [str(getattr(one, "port", one)) for one in value]
        sources = [f" from {', '.join(one.sources)}" for one in value[:1] if _has_sources(one)]
        return f"[{section}] {key} {', '.join(ports)}{''.join(sources)}"
    if value is None:
        return f"[{section}] {key}"
    return f"[{section}] {key} = {value if key == 'psid' else toml(value)}"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} = {one}" for key, one in values.items() if one is not None)


def _has_sources(one: object) -> bool:
    return bool(getattr(one, "sources", ()))


def opened(config: Config) -> Iterator[str]:
    """Yield what is open from outside with ``config``."""
    services = [
        one.service.name
        + (" (attempts are limited)" if one.guard else "")
        + (f" from {', '.join(map(str, one.sources))}" if one.sources else "")
        for one in config.firewall.inbound
    ]
    yield from _wrapped(f"Open by PPPoE on this router: {', '.join(services) or 'nothing'}.")
    for forward in config.forwards:
        yield from _wrapped(
            f"Open by {forward.via} to {forward.to}: {forward.protocol}/{forward.port}.", "  "
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
        yield from _wrapped(f"- {one}", "  ", "    ")


def _wrapped(text: str, first: str = "", later: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]

"""Other starters of a peer's pppd on the machine: ifupdown, systemd, scripts at boot. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from dualwan.frozen import NamedTuple
from dualwan.interfaces_file import InterfacesLine
from dualwan.paths import PPP_DIR
from dualwan.words import say

DEFAULT_PROVIDER = "provider"  # of pon(1), and so of a stanza without that option
_AUTOMATIC = ("auto", "allow-auto", "allow-hotplug")
_BEGINNINGS = (*_AUTOMATIC, "iface", "mapping", "source", "source-directory", "template")
_COMMANDS = ("pre-up", "up", "post-up")
_RESTARTED = re.compile(r"^[ \t]*Restart[ \t]*=[ \t]*(always|on-success)[ \t]*$", re.MULTILINE)


class Starter(NamedTuple):
    """A line that starts a peer. place: file and line. text: what it is, for a message.

    service: the systemd service that it belongs to, "" for none. again: whether systemd restarts
    that service when it has ended. stanza: the name of a stanza of interfaces(5), "" for none.
    """

    place: str
    text: str
    service: str = ""
    again: bool = False
    stanza: str = ""


def starts(line: str, peer: str) -> bool:
    """Whether the shell would run `pon PEER` or `pppd call PEER` by ``line``, roughly."""
    words = re.split(r"[\s;&|(){}\"'`=]+", line.split(" #", maxsplit=1)[0])
    for at, word in enumerate(words):
        name = word.rsplit("/", 1)[-1].lstrip("-@+!:")
        if name not in {"pon", "pppd"}:
            continue
        rest = words[at + 1 :]
        if name == "pon" and next((one for one in rest if one[:1] != "-"), "") == peer:
            return True
        if name == "pppd" and (
            any(pair == ("call", peer) for pair in pairwise(rest))
            or f"{PPP_DIR}/peers/{peer}" in rest
        ):
            return True
    return False


def in_script(path: str, text: str, peer: str) -> Iterator[Starter]:
    """Yield the lines of a script or a crontab that start ``peer``."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#") and starts(line, peer):
            yield Starter(f"{path}:{number}", say("a script"))


def in_interfaces(file: Iterable[InterfacesLine], peer: str) -> Iterator[Starter]:
    """Yield the stanzas of interfaces(5) that start ``peer`` by themselves.

    They are stanzas `inet ppp` with it as provider that are started at boot or by hotplug, and
    option lines that run pon or pppd for it.
    """
    lines = [(line.place, line.words) for line in file]
    automatic = {name for _, words in lines if words[0] in _AUTOMATIC for name in words[1:]}
    for name, provider, place in _ppp_stanzas(lines):
        if provider == peer and name in automatic:
            text = say("the stanza iface {name} inet ppp of ifupdown", name=name)
            yield Starter(place, text, stanza=name)
    for place, words in lines:
        if words[0] in _COMMANDS and starts(" ".join(words[1:]), peer):
            yield Starter(place, say("an option of ifupdown"))


def _ppp_stanzas(lines: Iterable[tuple[str, list[str]]]) -> list[tuple[str, str, str]]:
    """Return name, provider and place of each stanza `inet ppp`."""
    stanzas: list[tuple[str, str, str]] = []
    inside = False
    for place, words in lines:
        if words[0] in _BEGINNINGS:
            inside = words[0] == "iface" and words[2:4] == ["inet", "ppp"]
            if inside:
                stanzas.append((words[1], DEFAULT_PROVIDER, place))
        elif inside and words[0] == "provider" and words[1:]:
            name, _, place_of_stanza = stanzas[-1]
            stanzas[-1] = (name, words[1], place_of_stanza)
    return stanzas


def in_unit(path: str, text: str, peer: str, names: Iterable[str]) -> Iterator[Starter]:
    """Yield the lines of a systemd service that start ``peer``.

    ``names``: the enabled names of the unit, such as "ppp@dsl-provider.service" of a template,
    whose instance replaces %i and %I.
    """
    again = bool(_RESTARTED.search(text))
    for name in names:
        instance = name.removesuffix(".service").partition("@")[2].replace("\\x2d", "-")
        for number, line in enumerate(text.splitlines(), 1):
            command = line.replace("%i", instance).replace("%I", instance)
            if command.lstrip().startswith("Exec") and starts(command, peer):
                yield Starter(f"{path}:{number}", say("the service {name}", name=name), name, again)

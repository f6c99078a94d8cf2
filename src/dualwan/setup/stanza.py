"""The stanza of interfaces(5) that brings the WAN up, or settings of another program. Pure.

An edit comments lines out, with a mark that names this program, and adds a stanza if there is none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from dualwan.interfaces_file import INTERFACES, InterfacesLine, parse
from dualwan.model.setup import SourceFile
from dualwan.ppp.starters import starts
from dualwan.words import say

MARK = "# dualwan-hook init: "
_NETWORKMANAGER, _NETWORKD, _DHCPCD = "NetworkManager", "systemd-networkd", "dhcpcd"
MANAGERS = (_NETWORKMANAGER, _NETWORKD)  # these bring interfaces up without ifup
_COMMANDS = ("pre-up", "up", "post-up", "down", "pre-down", "post-down")
_BEGINNINGS = (
    *("iface", "mapping", "auto", "source", "source-directory", "template"),
    *("no-auto-down", "no-scripts", "rename"),
)
_WORD = re.compile(r"[\s;&|(){}\"'`=]+")  # what is between words of the shell
_BY_HAND = re.compile(r"\b(?:mape|map-e|pppoe)\.sh\b")


class Edit(NamedTuple):
    """A file of interfaces(5) before and after; why: a sentence for each change."""

    path: str
    before: str
    after: str
    why: tuple[str, ...]


class Old(NamedTuple):
    """What is replaced. scripts: their paths, beside those of the usual names."""

    peer: str
    scripts: tuple[str, ...] = ()


def by_hand(
    wan: str, lan: Sequence[str], manager: str, ifupdown2: bool, *, there: bool
) -> Iterator[str]:
    """Yield the lines that a person has to write to bring the WAN up, each with its file.

    ``manager``: the program that runs the WAN. ``there``: whether its stanza exists already.
    """
    if manager == _NETWORKMANAGER:
        yield say(
            "NetworkManager runs the WAN. Once, with LAN as the name of the LAN's connection:"
        )
        yield f"  nmcli connection add type ethernet ifname {wan} con-name line \\"
        yield "      ipv4.method disabled ipv6.method auto ipv6.ip6-privacy 0 \\"
        yield "      ipv6.addr-gen-mode eui64"
        yield "  nmcli connection modify LAN ipv6.never-default yes"
        return
    if manager == _NETWORKD:
        yield say("systemd-networkd runs the WAN. In /etc/systemd/network/10-wan.network:")
        for line in ("[Match]", f"Name={wan}", "[Network]", "DHCP=no", "IPv6AcceptRA=yes"):
            yield f"  {line}"
        yield say("and IPv6AcceptRA=no into the LAN's file.")
        return
    if not there:
        yield say("In {file}, without up and down lines:", file=INTERFACES)
        yield from (f"  {line}" for line in _stanza(wan, ifupdown2=ifupdown2))
    if manager == _DHCPCD:
        yield say("dhcpcd hears advertisements too. In /etc/dhcpcd.conf:")
        if denied := " ".join(one for one in lan if one != wan):
            yield f"  denyinterfaces {denied}"
        yield from (f"  interface {wan}", "      noipv4")


def _stanza(wan: str, *, ifupdown2: bool) -> list[str]:
    if ifupdown2:  # ifupdown2 refuses `inet6 auto`
        return [f"auto {wan}", f"iface {wan} inet manual"]
    return [f"allow-hotplug {wan}", f"iface {wan} inet6 auto", f"iface {wan} inet manual"]


def has_stanza(files: Sequence[SourceFile], wan: str) -> bool:
    """Whether one of ``files`` has a stanza for ``wan``."""
    return any(line.words[:2] == ["iface", wan] for one in files for line in parse(*one))


def odd(files: Sequence[SourceFile], wan: str) -> list[str]:
    """Return a sentence for each stanza that gives the WAN an IPv4 address of its own."""
    return [
        say(
            "{place}: `{text}` may take the default route from MAP-E; write `iface "
            "{wan} inet manual`",
            place=line.place,
            text=line.text,
            wan=wan,
        )
        for one in files
        for line in parse(*one)
        if line.words[:3] == ["iface", wan, "inet"] and line.words[3:4] in (["dhcp"], ["static"])
    ]


def edits(
    files: Sequence[SourceFile], wan: str, old: Old, *, ifupdown2: bool, add: bool
) -> tuple[Edit, ...]:
    """Return the edits of ``files``: comment out the old scripts, and other starters of the peer.

    ``add``: whether to add the WAN's stanza if there is none, as ifupdown needs.
    """
    found = [_without_scripts(one, old) for one in files]
    left = [SourceFile(one.path, one.after) for one in found]
    if add and files and not has_stanza(left, wan):
        lines = "\n".join(_stanza(wan, ifupdown2=ifupdown2))
        first = found[0]
        gap = "" if not first.after or first.after.endswith("\n") else "\n"
        found[0] = first._replace(
            after=f"{first.after}{gap}\n# The line, for dualwan-hook.\n{lines}\n",
            why=(*first.why, say("the stanza of {wan} is added", wan=wan)),
        )
    return tuple(one for one in found if one.after != one.before)


def _without_scripts(file: SourceFile, old: Old) -> Edit:
    read, before = list(parse(*file)), file.text
    dialling = _peer_stanzas(read, old.peer)
    shut: dict[int, str] = {}
    instead: dict[int, str] = {}  # after the line with this number
    for line, why in _in_the_way(read, old, dialling):
        numbers = list(_numbers(file.text, line))
        shut |= dict.fromkeys(numbers, why)
        word, *names = line.words
        if _is_automatic(word) and (others := [one for one in names if one not in dialling]):
            instead[numbers[-1]] = f"{word} {' '.join(others)}\n"
    if instead and not file.text.endswith("\n"):
        file = file._replace(text=f"{file.text}\n")
    lines = file.text.splitlines(keepends=True)
    after = [
        f"{MARK}{line}{instead.get(number, '')}" if number in shut else line
        for number, line in enumerate(lines, 1)
    ]
    return Edit(file.path, before, "".join(after), tuple(_reasons(shut)))


def _reasons(shut: Mapping[int, str]) -> Iterator[str]:
    """Yield a sentence for each reason to comment lines out, with their numbers."""
    for why in dict.fromkeys(shut.values()):
        numbers = [str(number) for number, other in shut.items() if other == why]
        yield say(
            "{lines} {numbers}: {why}",
            lines=say("line") if len(numbers) == 1 else say("lines"),
            numbers=", ".join(numbers),
            why=why,
        )


def _is_automatic(word: str) -> bool:
    return word == "auto" or word.startswith("allow-")


def _in_the_way(
    lines: Sequence[InterfacesLine], old: Old, dialling: Collection[str]
) -> Iterator[tuple[InterfacesLine, str]]:
    """Yield each line to comment out, and the reason; ``dialling``: the peer's stanzas."""
    peer = old.peer
    inside = False
    for line in lines:
        word, *rest = line.words
        if word in _BEGINNINGS or word.startswith("allow-"):
            inside = word == "iface" and rest[:1] in [[name] for name in dialling]
        if inside:
            yield line, say("the stanza dials {peer} beside dualwan-hook", peer=peer)
        elif _is_automatic(word) and {*rest} & {*dialling}:
            yield line, say("it dials {peer} beside dualwan-hook", peer=peer)
        elif word in _COMMANDS and (
            _BY_HAND.search(line.text) or {*old.scripts} & {*_WORD.split(line.text)}
        ):
            yield line, say("dualwan-hook takes the place of the script")
        elif word in _COMMANDS and starts(" ".join(rest), peer):
            yield line, say("it dials {peer} beside dualwan-hook", peer=peer)


def _peer_stanzas(lines: Sequence[InterfacesLine], peer: str) -> set[str]:
    """Return the names of the stanzas `inet ppp` whose provider is ``peer``."""
    found, name = set(), ""
    for line in lines:
        words = line.words
        if words[0] in _BEGINNINGS:
            name = words[1] if words[0] == "iface" and words[2:4] == ["inet", "ppp"] else ""
        elif name and words == ["provider", peer]:
            found.add(name)
    return found


def _numbers(text: str, line: InterfacesLine) -> Iterator[int]:
    """Yield the numbers of the file's lines that were joined into ``line``."""
    lines = text.splitlines()
    number = line.number
    while number <= len(lines):
        yield number
        if not lines[number - 1].endswith("\\"):
            return
        number += 1

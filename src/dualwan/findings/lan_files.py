"""The files of the programs that give the LAN its addresses and names, at odds with ours.

Mostly a name was left from the example, or an interface got another name. An owner may also mean it
so, for a network of which this router knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.config import Config
from dualwan.config.values import WILDCARD, covers
from dualwan.findings.managers import WITHOUT_IFUP
from dualwan.model.finding import Finding
from dualwan.model.lan_files import ANNOUNCES, ANY, COPIES, DELEGATES, FACES, LanLine
from dualwan.model.surroundings import Surroundings
from dualwan.words import say

_LOOPBACK = "lo"
_ANNOUNCERS = ("dnsmasq", "radvd")


def elsewhere(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each file and interface that is none inside and is to be served."""
    seen = set()
    for line in around.lan_files.lines:
        file = line.place.rpartition(":")[0]
        if line.does == FACES or (file, line.device) in seen or _is_served(config, around, line):
            continue
        seen.add((file, line.device))
        said = _outside if line.device in _ways(config) else _left
        yield said(config, around, line)


def _ways(config: Config) -> dict[str, str]:
    """Return what each device that leads outside is, which can be none of the LAN."""
    every = {device: say("the device of a way") for device in config.way_devices.values()}
    return {**every, config.wan.interface: say("the WAN")}


def _left(config: Config, around: Surroundings, line: LanLine) -> Finding:
    return Finding(
        "lan-other-interface",
        say(
            "{place} has {word} {device}, which is no interface of [lan] or of a zone",
            place=line.place,
            word=line.word,
            device=line.device,
        ),
        say(
            "write {names} there, and run `{command}`; or take {device} into [lan] or into a zone",
            names=", ".join(config.lan.interfaces),
            device=line.device,
            command=_again(line, config, around),
        ),
    )


def _outside(config: Config, around: Surroundings, line: LanLine) -> Finding:
    return Finding(
        "lan-on-wan",
        say(
            "{place} has {word} {device}, which is {what}",
            place=line.place,
            word=line.word,
            device=line.device,
            what=_ways(config)[line.device],
        ),
        say(
            "write {names} there, and run `{command}`",
            names=", ".join(config.lan.interfaces),
            command=_again(line, config, around),
        ),
    )


def not_the_line(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each word of a program that leads it to the line, but not to the WAN."""
    known = (config.wan.interface, config.line_device, *around.other_names.values())
    lines = [line for line in around.lan_files.lines if line.does == FACES]
    for program, word in dict.fromkeys((line.program, line.word) for line in lines):
        mine = [line for line in lines if (line.program, line.word) == (program, word)]
        if any(covers(line.device, name) for line in mine for name in known):
            continue
        yield Finding(
            "lan-other-line",
            say(
                "{place} has {word} {devices}, and the WAN is {wan}",
                place=mine[0].place,
                word=word,
                devices=", ".join(dict.fromkeys(line.device for line in mine)),
                wan=config.wan.interface,
            ),
            say(
                "write {names} there, and run `{command}`",
                names=config.wan.interface,
                command=_again(mine[0], config, around),
            ),
        )


def prefix_unused(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if the line's prefix is on the LAN alone, and the WAN's is waited for."""
    wan = config.wan.interface
    if config.fixed or config.mape.prefix_from or _has_prefix(around, wan):
        return
    for line in _lines(around, DELEGATES):
        for device in _inside(config, around, line):
            yield Finding(
                "lan-prefix-unused",
                say(
                    "{place} puts the line's prefix on {device}, and the WAN ({wan}), from whose "
                    "prefix the tunnel is derived, has none",
                    place=line.place,
                    device=device,
                    wan=wan,
                ),
                say('write prefix-from = "{device}" into [mape]', device=device),
            )
            return


def prefix_elsewhere(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if `prefix-from` is an interface inside that gets no part of the prefix.

    None where it has a prefix from elsewhere, nor where ``elsewhere`` names the reason.
    """
    device, lines = config.mape.prefix_from, _lines(around, DELEGATES)
    if config.fixed or not config.is_inside(device) or _has_prefix(around, device) or not lines:
        return
    if device in around.other_names:
        return
    if any(covers(line.device, device) or not _is_served(config, around, line) for line in lines):
        return
    others = ", ".join(dict.fromkeys(line.device for line in lines))
    yield Finding(
        "lan-prefix-from",
        say(
            "{place} puts the line's prefix on {others}, and prefix-from of [mape] is {device}",
            place=lines[0].place,
            others=others,
            device=device,
        ),
        say(
            "write an interface with the prefix ({others}) into prefix-from, or have {program} put "
            "a part of it on {device} too",
            others=others,
            program=lines[0].program,
            device=device,
        ),
    )


def unannounced(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each interface that these files give a prefix, which none announces.

    None where another program may announce it, nor without a file of those that would.
    """
    found = around.lan_files
    announced = _lines(around, ANNOUNCES)
    if not found.whole or not any(line.program in _ANNOUNCERS for line in found.lines):
        return
    if not all(_is_served(config, around, line) for line in announced):  # named by ``elsewhere``
        return
    seen = set()
    for line in _lines(around, DELEGATES, COPIES):
        for device in _inside(config, around, line) if line.device != ANY else ():
            if device in seen or any(covers(one.device, device) for one in announced):
                continue
            seen.add(device)
            yield Finding(
                "lan-unannounced",
                say(
                    "{place} puts the line's prefix on {device}, and no file of dnsmasq, radvd or "
                    "networkd announces it there, so hosts may have no IPv6",
                    place=line.place,
                    device=device,
                ),
                say(
                    "write enable-ra and dhcp-range=::,constructor:{device},ra-stateless,64,30m "
                    "into a file of /etc/dnsmasq.d, and run `systemctl restart dnsmasq`",
                    device=device,
                ),
            )


def unproxied(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if a script starts ndppd, which has no file."""
    del config
    if place := around.lan_files.unproxied:
        yield Finding(
            "lan-no-proxy",
            say(
                "{place} starts ndppd, and there is no /etc/ndppd.conf, so nobody answers the "
                "line for hosts of the LAN",
                place=place,
            ),
            say(
                "write it as in /usr/share/doc/dualwan-hook/docs/your-lan/bare-64, and run "
                "`systemctl restart ndppd`"
            ),
        )


def _lines(around: Surroundings, *does: str) -> list[LanLine]:
    return [line for line in around.lan_files.lines if line.does in does]


def _again(line: LanLine, config: Config, around: Surroundings) -> str:
    """Return the command that has the program read its file again."""
    if line.does == COPIES:  # a script, which is run when the line comes up
        wan = config.wan.interface
        by_ifup = around.managers.get(wan, "") not in WITHOUT_IFUP
        return f"ifdown {wan}; ifup {wan}" if by_ifup else "dualwan-hook down; dualwan-hook"
    return f"systemctl restart {line.program}"


def _names_inside(config: Config) -> Iterator[str]:
    """Yield the names and patterns of the LAN and of the zones."""
    yield from config.lan.interfaces
    for zone in config.zones:
        yield from zone.interfaces


def _is_served(config: Config, around: Surroundings, line: LanLine) -> bool:
    """Whether the device of ``line`` is one inside, or may be one.

    networkd may put a part of the prefix on the WAN too, and ndppd may look for hosts there for
    who asks on the LAN. An interface that is configured by another name is reported by other_names.
    """
    wan = config.wan.interface
    if line.device == wan and (line.does == DELEGATES or line.word == "iface"):
        return True
    names = (*_names_inside(config), *around.other_names.values(), _LOOPBACK)
    return any(covers(line.device, name) or covers(name, line.device) for name in names)


def _has_prefix(around: Surroundings, device: str) -> bool:
    """Whether ``device`` has an IPv6 address of the line."""
    return any(one.is_global_ipv6 for one in around.addresses if one.device == device)


def _inside(config: Config, around: Surroundings, line: LanLine) -> Iterable[str]:
    """Return the interfaces inside, by whole name, that ``line`` means and that have a prefix."""
    own = [line.device] if config.is_inside(line.device) else []
    names = (name for name in (*own, *_names_inside(config)) if not name.endswith(WILDCARD))
    return dict.fromkeys(
        name for name in names if covers(line.device, name) and _has_prefix(around, name)
    )

"""The files of dnsmasq, dhcpcd, networkd, radvd, ndppd and 40-lan-prefix (docs/your-lan).

Only the lines that name an interface are read, and of these only what a finding needs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from dualwan import files
from dualwan.config import hooks_dir
from dualwan.host.around import other_names
from dualwan.host.around.sourced import MAX_FILES
from dualwan.model.lan_files import (
    ANNOUNCES,
    ANY,
    COPIES,
    DELEGATES,
    DHCPCD_CONF,
    DNSMASQ_CONF,
    DNSMASQ_D,
    FACES,
    NDPPD_CONF,
    NETWORK,
    RADVD_CONF,
    SCRIPT,
    SERVES,
    LanFiles,
    LanLine,
)

MAX_BYTES = 1 << 23  # of all files together: lists of blocked names in dnsmasq.d are long
MAX_LINES = 500  # that name an interface
DNSMASQ, DHCPCD, NETWORKD = "dnsmasq", "dhcpcd", "systemd-networkd"
NDPPD, RADVD = "ndppd", "radvd"
_SKIPPED = re.compile(r"\..*|.*~|#.*#|.+\.dpkg-(?:dist|old|new)", re.DOTALL)
# Of other programs that may announce a prefix; what they announce is not read.
OTHERS = (
    *("/etc/corerad/config.toml", "/etc/bird/bird.conf", "/etc/frr/frr.conf", "/etc/rtadvd.conf"),
    *("/usr/sbin/odhcpd", "/etc/pihole/pihole.toml", "/opt/AdGuardHome/AdGuardHome.yaml"),
)
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,15}|[A-Za-z0-9_.@-]{0,14}\*")
_IN_DNSMASQ = re.compile(
    r"^[ \t]*(enable-ra|dhcp-range|interface|ra-param|conf-file|conf-dir)\b[ \t]*"
    r"(?:=[ \t]*(.*))?$",
    re.MULTILINE,
)
_RA_MODES = {"ra-only", "slaac", "ra-names", "ra-stateless", "ra-advrouter"}
_PROXY = re.compile(r"\b(proxy|iface)\s+\"?([^\s{}\";]+)")
_INTERFACE = re.compile(r"^[ \t]*interface[ \t]+([^\s{};]+)", re.MULTILINE)
_LAN = re.compile(r"^lan=[\"']?([^\s\"'#;]+)", re.MULTILINE)
_STARTS_NDPPD = re.compile(r"^[^#\n]*systemctl (?:re)?start ndppd\b", re.MULTILINE)
_MATCH = "Match.Name"
_SWITCHES = {
    DELEGATES: ("Network.DHCPPrefixDelegation", "Network.DHCPv6PrefixDelegation"),
    ANNOUNCES: ("Network.IPv6SendRA",),
    FACES: ("DHCPv6.UseDelegatedPrefix",),
}
_TRUE = {"1", "yes", "y", "true", "t", "on"}


def look(root: Path = Path("/")) -> LanFiles:
    """Return what the files say; ``root`` is another root folder for tests.

    A file that is not there, cannot be read or makes no sense says nothing.
    """
    read = _Reader(root)
    programs = (_dnsmasq, _dhcpcd, _networkd, _radvd, _ndppd, _script)
    lines = tuple(islice(chain.from_iterable(one(read) for one in programs), MAX_LINES))
    alone = not any(os.path.lexists(read.at(path)) for path in OTHERS)
    whole = read.whole and alone and len(lines) < MAX_LINES
    return LanFiles(lines, whole, _unproxied(read))


class _Reader:
    """Files below ``root``. whole: whether all that are there were read to their ends."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = MAX_BYTES
        self.whole = True

    def at(self, path: str) -> Path:
        """Return where ``path`` is."""
        return self._root / path.lstrip("/")

    def text(self, path: str) -> str:
        """Return the beginning of the text of ``path``, "" if it cannot be read."""
        limit = min(files.MAX_FOREIGN, self._left)
        try:
            found = files.read_bytes(self.at(path), limit + 1)
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except (OSError, ValueError):
            self.whole = False
            return ""
        self.whole = self.whole and len(found) <= limit
        self._left -= min(len(found), limit)
        return found[:limit].decode("utf-8", "replace")

    def names(self, folder: str) -> list[str]:
        """Return the names in ``folder`` that can be shown, sorted, MAX_FILES at most."""
        try:
            there = sorted(path.name for path in self.at(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError:
            self.whole = False
            return []
        found = [name for name in there if name.isprintable()][:MAX_FILES]
        self.whole = self.whole and found == there
        return found


def _matches(pattern: re.Pattern[str], path: str, text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield each match of ``pattern`` in the ``text`` of ``path``, with FILE:LINE of its end."""
    number, last = 1, 0
    for found in pattern.finditer(text):
        number += text.count("\n", last, found.end())
        last = found.end()
        yield f"{path}:{number}", found


def _device(name: str) -> str:
    """Return ``name`` if it is one of an interface, or a beginning with ``*`` after it; else ""."""
    return name if _NAME.fullmatch(name) else ""


def _devices(patterns: Iterable[str]) -> list[str]:
    """Return ``patterns`` of names, as of fnmatch(3); ANY for one that is more than a beginning."""
    return [_device(one) or ANY for one in patterns]


def _dnsmasq(read: _Reader) -> Iterator[LanLine]:
    names = [name for name in read.names(DNSMASQ_D) if not _SKIPPED.fullmatch(name)]
    found = []
    for path in (DNSMASQ_CONF, *(f"{DNSMASQ_D}/{name}" for name in names)):
        for place, line in _matches(_IN_DNSMASQ, path, read.text(path)):
            value = re.split(r"(?:^|\s)#", line[2] or "", maxsplit=1)[0].replace('"', "")
            found.append((place, line[1], [part.strip() for part in value.split(",")]))
    announced = any(word == "enable-ra" for _, word, _ in found)
    for place, word, parts in found:
        if word in ("conf-file", "conf-dir"):
            read.whole = read.whole and parts[0].rstrip("/") == DNSMASQ_D
        elif word == "dhcp-range":
            ra = ANNOUNCES if announced or _RA_MODES & {*parts} else SERVES
            made = [part.partition(":")[2] for part in parts if part.startswith("constructor:")]
            if not made and any(part.count(":") > 1 for part in parts):
                made = [ANY]
            for name in filter(None, map(_device, made)):
                yield LanLine(place, DNSMASQ, "constructor", ra, name)
        elif word != "enable-ra":
            named = parts[:1] if word == "ra-param" else parts
            for name in filter(None, map(_device, named)):
                yield LanLine(place, DNSMASQ, word, SERVES, name)


def _dhcpcd(read: _Reader) -> Iterator[LanLine]:
    """Yield the blocks that ask for a prefix, and the interfaces that get a part of it."""
    block: LanLine | None = None
    faces: list[LanLine] = []
    allowed: list[LanLine] = []
    for number, raw in enumerate(read.text(DHCPCD_CONF).split("\n"), 1):
        word, *values = re.split(r"#|^\s*;", raw, maxsplit=1)[0].split() or [""]
        place = f"{DHCPCD_CONF}:{number}"
        if word in ("interface", "ssid", "profile"):
            (device,) = _devices(values[:1]) if word == "interface" and values else [ANY]
            block = LanLine(place, DHCPCD, word, FACES, device)
        elif word == "allowinterfaces" and block is None:  # dhcpcd does not heed it in a block
            patterns = " ".join(values).replace(",", " ").split()
            allowed += [LanLine(place, DHCPCD, word, FACES, one) for one in _devices(patterns)]
        elif word == "ia_pd":
            faces.append(block or LanLine(place, DHCPCD, word, FACES, ANY))
            # IAID, then INTERFACE/SUBNET/LENGTH/SUFFIX of each; "-" is no interface.
            named = [one.partition("/")[0] for one in values[1:]] or [ANY]
            for name in filter(None, map(_device, named)):
                if name != "-":
                    yield LanLine(place, DHCPCD, word, DELEGATES, name)
    if faces:
        yield from dict.fromkeys((*faces, *allowed))


def _networkd(read: _Reader) -> Iterator[LanLine]:
    for name in read.names(NETWORK):
        path = f"{NETWORK}/{name}"
        if not name.endswith(".network") or name.startswith("."):
            continue
        more = [f"{path}.d/{one}" for one in read.names(f"{path}.d") if one.endswith(".conf")]
        yield from _network(read, [path, *more])


def _network(read: _Reader, paths: list[str]) -> Iterator[LanLine]:
    """Yield the lines of a .network file and of the files that add to it."""
    found = _settings(read, paths)
    named, place = found.get(_MATCH, ("", f"{paths[0]}:1"))
    for device in map(_own, _devices(named.split()) or [ANY]):
        for does, keys in _SWITCHES.items():
            if any(found.get(key, ("", ""))[0].lower() in _TRUE for key in keys):
                yield LanLine(place, NETWORKD, "Name", does, device)
    uplink, place = found.get("DHCPPrefixDelegation.UplinkInterface", ("", ""))
    if _device(uplink):
        yield LanLine(place, NETWORKD, "UplinkInterface", FACES, _own(uplink))


def _own(name: str) -> str:
    """Return the device's own name: networkd takes any that it has (systemd.network(5))."""
    return other_names.look([name]).get(name, name)


def _settings(read: _Reader, paths: list[str]) -> dict[str, tuple[str, str]]:
    """Return the last value and its FILE:LINE, by SECTION.KEY; of _MATCH all that were added."""
    found: dict[str, tuple[str, str]] = {}
    section = ""
    for path in paths:
        for number, raw in enumerate(read.text(path).split("\n"), 1):
            line = raw.strip()
            name, _, value = (part.strip() for part in line.partition("="))
            key = f"{section}.{name}"
            if line.startswith("["):
                section = line.strip("[]")
            elif not line.startswith(("#", ";")):
                before = found.get(key, ("", ""))[0] if key == _MATCH and value else ""
                found[key] = (f"{before} {value}".strip(), f"{path}:{number}")
    return found


def _radvd(read: _Reader) -> Iterator[LanLine]:
    for place, line in _matches(_INTERFACE, RADVD_CONF, read.text(RADVD_CONF)):
        if device := _device(line[1]):
            yield LanLine(place, RADVD, "interface", ANNOUNCES, device)


def _ndppd(read: _Reader) -> Iterator[LanLine]:
    for number, raw in enumerate(read.text(NDPPD_CONF).split("\n"), 1):
        for word, name in _PROXY.findall(re.split("#|//", raw, maxsplit=1)[0]):
            if device := _device(name):
                does = FACES if word == "proxy" else SERVES
                yield LanLine(f"{NDPPD_CONF}:{number}", NDPPD, word, does, device)


def _script(read: _Reader) -> Iterator[LanLine]:
    path = f"{hooks_dir()}/{SCRIPT}"
    for place, line in _matches(_LAN, path, read.text(path)):
        if device := _device(line[1]):
            yield LanLine(place, SCRIPT, "lan", COPIES, device)


def _unproxied(read: _Reader) -> str:
    """Return where the script starts ndppd, if that has no file; "" otherwise."""
    path = f"{hooks_dir()}/{SCRIPT}"
    starts = [place for place, _ in _matches(_STARTS_NDPPD, path, read.text(path))]
    return starts[0] if starts and not os.path.lexists(read.at(NDPPD_CONF)) else ""

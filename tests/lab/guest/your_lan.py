"""The sets of docs/your-lan, put in place as their pages say, with this machine's names."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from guest import command, product, router
from guest.addresses import LAN, LAN_ADDRESS, WAN
from guest.provisioning import HOST

DOCUMENTS = Path("/usr/share/doc/dualwan-hook/docs/your-lan")
NAMES = {"enp1s0": WAN, "enp3s0": LAN, "192.168.1.": f"{LAN_ADDRESS.rpartition('.')[0]}."}
CHOSEN = Path("/var/lib/lab/your-lan-set")  # the name of the set, also after a reboot
PHONE_KEY = Path("/var/lib/lab/phone-key")
AUTHORITY = Path("/etc/dualwan/ddns-authority.pem")
_EDITOR = Path("/usr/local/bin/editor")
_EXAMPLE = "#dhcp-host="  # a commented line that the owner may enable
_LOOPBACK = "auto lo\niface lo inet loopback\n"
# This network has no internet, so a folder serves as the mirror.
_MIRROR = Path("/var/lib/lab/mirror")
_SOURCE = f"deb [trusted=yes] file:{_MIRROR} ./\n"
_YES = 'APT::Get::Assume-Yes "true";\n'
_STEP_SECONDS = 900.0  # an emulated guest on a host that has other work
# The parts of a page, in order: rows of its table, and blocks of commands.
_ROW = re.compile(r"\| \[[^]]+\]\((?P<file>[^)]+)\) \| `(?P<to>[^`]+)`(?:, mode (?P<mode>\d+))?")
_COMMANDS = ("apt ", "cd ", "dualwan-hook", "ifdown ", "rm ", "systemctl ")


@dataclass(frozen=True)
class Page:
    """A page, words in the section to follow, and the owner's edits where it says `editor`."""

    name: str
    words: str = "apt install"
    edits: str = ""


@dataclass(frozen=True)
class Set:
    """Pages that are followed in turn; how the line and ifupdown behave there.

    dhcpcd: whether the router runs it, which the image masks: Debian 13 would run it on all
    interfaces.
    """

    pages: tuple[Page, ...]
    dhcpcd: bool = False
    delegated: bool = False
    stanzas: bool = True


_BARE, _NAMES = Page("bare-64.md"), Page("dns-dhcp.md")
_WIREGUARD = Page(
    "wireguard.md",
    edits=f"""
umask 077
wg genkey > {PHONE_KEY}
sed -i "s|REPLACE-BY-wg-genkey|$(cat /etc/wireguard/key)|" /etc/wireguard/wg0.conf
sed -i "s|REPLACE-BY-wg-pubkey|$(wg pubkey < {PHONE_KEY})|" /etc/wireguard/wg0.conf
install -m 644 {DOCUMENTS}/wireguard/dualwan.toml /etc/dualwan/
echo interface=wg0 >> /etc/dnsmasq.d/lan.conf
systemctl restart dnsmasq
""",
)
_DYNDNS = Page(
    "dyndns.md",
    edits=f"""
sed -i 's|^url = .*|url = "https://{HOST}/update?myip=ADDRESS"|' /etc/dualwan/ddns.curl
echo 'cacert = "{AUTHORITY}"' >> /etc/dualwan/ddns.curl
echo nameserver 127.0.0.1 > /etc/resolv.conf
""",
)
SETS = {
    "bare-64": Set((_BARE, _NAMES)),
    "pd-dhcpcd": Set((Page("pd.md", "apt install dhcpcd"), _NAMES), dhcpcd=True, delegated=True),
    "pd-networkd": Set((Page("pd.md", "20-lan.network"), _NAMES), delegated=True, stanzas=False),
    "from-outside": Set((_BARE, _NAMES, _WIREGUARD, _DYNDNS)),
}


def install(chosen: Set) -> None:
    """Follow the pages on a router that has the product, but none of the other programs."""
    _offer_packages()
    _write_own_names()
    if chosen.dhcpcd:
        command.run(["systemctl", "unmask", "dhcpcd.service"])
    if not chosen.stanzas:
        command.run(["ifdown", LAN])
        router.INTERFACES.write_text(_LOOPBACK)
    for page in chosen.pages:
        text = (DOCUMENTS / page.name).read_text()
        (section,) = (part for part in re.split(r"(?m)^## ", text) if page.words in part)
        _EDITOR.write_text(f"#!/bin/sh -e{page.edits or os.linesep}")
        _EDITOR.chmod(0o755)
        _follow(_own(section))


def package(name: str) -> Path:
    """Return the file of the package ``name`` in the mirror."""
    return next(_MIRROR.glob(f"{name}_*.deb"))


def _offer_packages() -> None:
    _MIRROR.mkdir(parents=True, exist_ok=True)
    for file in (product.SHARE / "Packages", *product.SHARE.glob("*.deb")):
        shutil.copy(file, _MIRROR)
    Path("/etc/apt/sources.list.d/lab.list").write_text(_SOURCE)
    Path("/etc/apt/apt.conf.d/90lab").write_text(_YES)
    command.run(["apt-get", "-q", "update"], limit=_STEP_SECONDS)


def _write_own_names() -> None:
    """Replace the names in the files by this machine's, as the first page asks."""
    for path in DOCUMENTS.glob("*/*"):
        path.write_text(_own(path.read_text()).replace(_EXAMPLE, _EXAMPLE[1:]))


def _own(text: str) -> str:
    for there, here in NAMES.items():
        text = text.replace(there, here)
    return text


def _follow(section: str) -> None:
    """Put the files where the table says, and type the commands, in their order."""
    block: list[str] = []
    for line in (*section.splitlines(), ""):
        if line.startswith("    "):
            block.append(line)
            continue
        typed = "\n".join(block)
        if typed.lstrip().startswith(_COMMANDS):
            # It fails where the prefix comes later, which is none of the other commands' business.
            typed = re.sub(r"(?m)^ *dualwan-hook$", "dualwan-hook || :", typed)
            command.run(["sh", "-e", "-c", typed], limit=_STEP_SECONDS)
        block = []
        if row := _ROW.match(line):
            _put(row["file"], Path(row["to"]), row["mode"] or "644")


def _put(file: str, to: Path, mode: str) -> None:
    into = to / Path(file).name if to.is_dir() else to
    command.run(["install", "-m", mode, str(DOCUMENTS / file), str(into)])

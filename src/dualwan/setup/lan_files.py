"""The files of docs/your-lan, for the interfaces and addresses of this machine. Pure.

They give the LAN its IPv6, addresses and names, by other programs than this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import NamedTuple

from dualwan.config import Config
from dualwan.errors import UsageError
from dualwan.interfaces_file import InterfacesLine
from dualwan.setup.template import packaged
from dualwan.words import listed, say

PLAIN, PROGRAM = 0o644, 0o755
# What the files of the package say for the WAN, the LAN, its network and the router there.
_WAN, _LAN, _NETWORK, _ROUTER = "enp1s0", "enp3s0", "192.168.1.", "192.168.1.1"
_HOST_BITS = 8
DNS_DHCP = "dns-dhcp"  # the one set that goes with each other one
DHCPCD, NETWORKD = "dhcpcd", "systemd-networkd"
DNSMASQ = "dnsmasq"
# Packages of a service: the program itself is in NAME-base, which other packages bring too.
SERVICES = frozenset({DNSMASQ, DHCPCD})
HOOKS = "/etc/dualwan/hooks.d"
# The event that brings MAP-E up, of a WAN that ifup runs, and of any other.
_UP, _UP_ANYWAY = "ifdown {wan}; ifup {wan}", "dualwan-hook down; dualwan-hook"
_RESTART = f"systemctl restart {DNSMASQ}"


class Target(NamedTuple):
    """The place of a file of a set, and its mode."""

    path: str
    mode: int = PLAIN


@dataclass(frozen=True)
class FileSet:
    """A set of files: their names in the package and places, and the commands that follow.

    programs: to be installed before, each by the package of its name. commands: {wan} is the WAN's
    name. client: the program that is delegated the line's prefix; MAP-E is derived from the LAN
    then. addressed: whether the IPv4 network of the LAN is in a file.
    """

    programs: tuple[str, ...]
    files: Mapping[str, Target]
    commands: tuple[str, ...]
    client: str = ""
    addressed: bool = False


_LAN_RA, _RA = Target("/etc/sysctl.d/lan-ra.conf"), Target("/etc/dnsmasq.d/ra.conf")
_NAMES = Target("/etc/dnsmasq.d/lan.conf")
SETS: Mapping[str, FileSet] = {
    "bare-64": FileSet(
        (DNSMASQ, "ndppd"),
        {
            "40-lan-prefix": Target(f"{HOOKS}/40-lan-prefix", PROGRAM),
            "dnsmasq-ra.conf": _RA,
            "lan-ra.conf": _LAN_RA,
            "ndppd.conf": Target("/etc/ndppd.conf"),
        },
        (
            "systemctl disable --now ndppd",
            "sysctl -p /etc/sysctl.d/lan-ra.conf",
            _RESTART,
            _UP,
        ),
    ),
    "pd-dhcpcd": FileSet(
        (DHCPCD, DNSMASQ),
        {
            "dhcpcd.conf": Target("/etc/dhcpcd.conf"),
            "dnsmasq-ra.conf": _RA,
            "lan-ra.conf": _LAN_RA,
        },
        (
            "rm -f /var/lib/dhcpcd/duid",
            "sysctl -p /etc/sysctl.d/lan-ra.conf",
            "systemctl restart dhcpcd dnsmasq",
            _UP,
        ),
        client=DHCPCD,
    ),
    "pd-networkd": FileSet(
        (DNSMASQ,),
        {
            "10-wan.network": Target("/etc/systemd/network/10-wan.network"),
            "20-lan.network": Target("/etc/systemd/network/20-lan.network"),
            "dnsmasq-ra.conf": _RA,
        },
        (
            "systemctl enable systemd-networkd",
            "systemctl restart systemd-networkd dnsmasq",
            "dualwan-hook",
        ),
        client=NETWORKD,
        addressed=True,
    ),
    DNS_DHCP: FileSet(
        (DNSMASQ,),
        {"dnsmasq-lan.conf": _NAMES},
        (_RESTART,),
        addressed=True,
    ),
}


class Written(NamedTuple):
    """A file to be written. before: its present text, None if it is not there."""

    path: str
    text: str
    mode: int
    before: str | None = None

    @property
    def differs(self) -> bool:
        """Whether another file is there in its place."""
        return self.before not in {None, self.text}


class Machine(NamedTuple):
    """What the machine has.

    stanzas: the lines of interfaces(5). prefix_on_wan: whether the WAN has an address of the line.
    made: which of WAN and LAN a program has made, as a bridge or a VLAN.
    """

    stanzas: Iterable[InterfacesLine] = ()
    prefix_on_wan: bool = False
    made: Sequence[str] = ()


def check(names: Sequence[str]) -> None:
    """Raise UsageError if more than one set of ``names`` gives the LAN its IPv6."""
    by_ipv6 = [name for name in dict.fromkeys(names) if name != DNS_DHCP]
    if len(by_ipv6) > 1:
        raise UsageError(
            say(
                "--your-lan: {names} exclude each other; which one it is depends on the line",
                names=listed(" and ", by_ipv6),
            )
        )


def device(config: Config) -> str:
    """Return the interface of the LAN that the files name; raises UsageError if there is none."""
    for name in config.lan.devices:
        if name != config.wan.interface:
            return name
    raise UsageError(
        say(
            "--your-lan: [lan] interfaces has no whole name besides the WAN's; write the files by "
            "hand"
        )
    )


def texts(
    names: Iterable[str], config: Config, address: IPv4Interface | None
) -> Iterator[tuple[Target, str]]:
    """Yield each file of the sets ``names`` with its text for this machine.

    ``address``: of the LAN's interface. Raises UsageError if a file needs it to be of a /24, and
    HostError.
    """
    for name in dict.fromkeys(names):
        chosen = SETS[name]
        words = {_WAN: config.wan.interface, _LAN: device(config)}
        if chosen.addressed:
            words |= _addresses(name, device(config), address)
        for file, target in chosen.files.items():
            yield target, _replaced(packaged(f"your-lan/{name}/{file}", "docs"), words)


def _addresses(name: str, lan: str, address: IPv4Interface | None) -> dict[str, str]:
    if address is None or address.network.prefixlen != address.max_prefixlen - _HOST_BITS:
        raise UsageError(
            say(
                "--your-lan {name}: its files are for a LAN with a /24, and {lan} has {address}; "
                "write them by hand, as docs/your-lan shows",
                name=name,
                lan=lan,
                address=address or say("no IPv4 address"),
            )
        )
    return {_ROUTER: str(address.ip), _NETWORK: str(address.ip).rpartition(".")[0] + "."}


def _replaced(text: str, words: Mapping[str, str]) -> str:
    """Replace in one go, the longest first: a machine's own name may be another one's example."""
    longest = sorted(words, key=len, reverse=True)
    ends = (re.escape(one) + ("" if one.endswith(".") else r"(?![\w.])") for one in longest)
    return re.sub(rf"(?<![\w.])(?:{'|'.join(ends)})", lambda found: words[found[0]], text)


def remarks(names: Sequence[str], config: Config, there: Machine) -> Iterator[str]:
    """Yield a sentence for each setting elsewhere that does not go with the sets ``names``."""
    lan = device(config)
    for other in config.lan.devices:
        if other not in {lan, config.wan.interface}:
            yield say("no file names {other}, which is of the LAN too", other=other)
    if config.router.redundant and DNS_DHCP in names:
        yield say(
            "{path}: write the address that moves between the two routers into dhcp-option",
            path=_NAMES.path,
        )
    if config.router.redundant and any(name != DNS_DHCP for name in names):
        yield say(
            "IPv6 of these files is for a router that is alone: of two, the one that stands by "
            "would announce itself to the LAN as well, and forwards nothing"
        )
    if config.fixed and "bare-64" in names:
        yield say(
            "{path}: [mape] gives both ends of the tunnel, so that no prefix is looked for: "
            "40-lan-prefix is told none, and the LAN gets no IPv6; let them follow from the prefix "
            '(provider = "auto", or interface-id in place of ce)',
            path=config.path,
        )
    client = next((SETS[name].client for name in names if SETS[name].client), "")
    if client:
        yield from _of_prefix(config, there)
        yield from _of_stanzas(client, config, there)


def _of_prefix(config: Config, there: Machine) -> Iterator[str]:
    """Yield what [mape] lacks; nothing behind a home gateway, whose prefix the WAN has."""
    lan, chosen = device(config), config.mape.prefix_from
    if not config.fixed and chosen != lan and (chosen or not there.prefix_on_wan):
        yield say(
            '{path}: write prefix-from = "{lan}" into [mape], because the prefix is there',
            path=config.path,
            lan=lan,
        )


def _of_stanzas(client: str, config: Config, there: Machine) -> Iterator[str]:
    lan, wan = device(config), config.wan.interface
    for line in there.stanzas:
        if client == DHCPCD and line.words[:3] == ["iface", wan, "inet6"]:
            if line.words[3:4] in (["auto"], ["dhcp"]):
                yield say(
                    "{place}: remove `{text}` with all that belongs to it, because {client} hears "
                    "the line",
                    place=line.place,
                    text=line.text,
                    client=client,
                )
        elif client == NETWORKD and line.words[:2] in (["iface", wan], ["iface", lan]):
            yield say(
                "{place}: `ifdown {name}`, and remove the stanza, because {client} runs {name}",
                place=line.place,
                name=line.words[1],
                client=client,
            )
    for name in there.made if client == NETWORKD else ():
        yield say(
            "{name} is no hardware: {client} needs a .netdev file (systemd.netdev(5)) that "
            "makes it",
            name=name,
            client=client,
        )


def programs(names: Iterable[str]) -> list[str]:
    """Return the programs to be installed before, in the order of `apt install`."""
    return sorted({program for name in names for program in SETS[name].programs})


def steps(names: Iterable[str], config: Config, *, by_ifup: bool = True) -> list[str]:
    """Return the commands that follow, each once; by_ifup: whether ifup runs the WAN."""
    # Each other set restarts dnsmasq too.
    chosen = [name for name in dict.fromkeys(names) if name != DNS_DHCP] or [DNS_DHCP]
    every = [command for name in chosen for command in SETS[name].commands]
    every = [_UP_ANYWAY if command == _UP and not by_ifup else command for command in every]
    return [command.replace("{wan}", config.wan.interface) for command in every]

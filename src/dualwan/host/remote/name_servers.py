"""The line's name servers: from the files of its clients, or else from the line itself.

Only these may know a provider's names. resolv.conf(5) need not list them: it may name a resolver on
this machine, or that of PPPoE.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from dualwan.errors import DualwanError
from dualwan.host import leases
from dualwan.host.remote import line_news
from dualwan.host.remote.deadline import Deadline

MAX_FILE = 16384  # bytes
ASK_SECONDS = 2.0  # a router or server on the line answers within milliseconds

# Files with a device's name servers; {device} and {index} are its name and number.
NOTES = (
    "run/systemd/netif/links/{index}",  # systemd-networkd: DNS=
    "run/systemd/resolve/netif/{index}",  # systemd-resolved, also of NetworkManager: SERVERS=
    "run/dhcpcd/hook-state/resolv.conf/{device}.*",  # dhcpcd without resolvconf
    "run/resolvconf/interface/{device}.*",  # resolvconf: of ifupdown, dhclient, dhcpcd
    "run/resolvconf/interfaces/{device}.*",  # openresolv
    "run/resolvconf/keys/{device}.*",  # openresolv 3.14 and later
    "run/rdnssd/resolv.conf",  # rdnssd, of router advertisements
)
_SERVERS = re.compile(r"^[ \t]*(?:nameserver[ \t]+|DNS=|SERVERS=)(.+)$", re.MULTILINE)


def of_line(device: str, deadline: Deadline, root: Path = Path("/")) -> tuple[str, ...]:
    """Return the addresses of the name servers of the line on ``device``, () if none is known.

    The line is asked (ASK_SECONDS at most) only if no file on this machine has them.
    """
    found = tuple(dict.fromkeys(_noted(device, root)))
    if not found:
        with suppress(DualwanError):
            found = line_news.ask(device, Deadline(deadline.left(ASK_SECONDS))).name_servers
    return found


def _noted(device: str, root: Path) -> Iterator[str]:
    """Yield the name servers of the lease, and those in the files of other programs."""
    for server in leases.latest(device).lease.name_servers:
        yield from _usable(server, device)
    try:
        index = socket.if_nametoindex(device)
    except OSError:
        return
    for pattern in NOTES:
        for path in sorted(root.glob(pattern.format(device=device, index=index))):
            with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
                for words in _SERVERS.findall(file.read(MAX_FILE)):
                    for word in words.split():
                        yield from _usable(word.strip('"').partition("#")[0], device)


def _usable(server: str, device: str) -> Iterator[str]:
    """Yield ``server`` if it is an address; a link-local one gets its device as %DEVICE."""
    bare = server.partition("%")[0]
    with suppress(ValueError):
        address = ip_address(bare)
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            return
        local = isinstance(address, IPv6Address) and address.is_link_local
        yield f"{address}%{device}" if local else str(address)

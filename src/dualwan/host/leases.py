"""The DHCPv6 leases of a device: where clients keep them, and what one told its hook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dualwan.config.values import interface_name
from dualwan.errors import RemoteError
from dualwan.host import answers
from dualwan.line.provisioning import dhcpv6

# Where the clients of Debian keep their leases; %s is the device.
DHCLIENT = ("/var/lib/dhcp/dhclient6.%s.leases", "/var/lib/dhcp/dhclient6.leases")
DHCPCD = ("/var/lib/dhcpcd/%s.lease6",)
NOTE = "dhcpv6.%s"  # in answers.directory(): what a client told its hook


class Found(NamedTuple):
    """A lease, the file that it stands in ("" for none), and when that was written."""

    path: str = ""
    changed: int = 0
    lease: dhcpv6.Lease = dhcpv6.Lease()


def note(environ: Mapping[str, str]) -> bool:
    """Keep what a DHCPv6 client hands to its hook, for learning; return whether it is anything.

    Raises HostError, and RemoteError where it is not right.
    """
    text = dhcpv6.from_environment(environ)
    if not text:
        return False
    try:
        device = interface_name(environ.get("interface"))
    except ValueError as error:
        raise RemoteError(str(error)) from None
    dhcpv6.parse(text)
    answers.write(NOTE.replace("%s", device), text + "\n")
    return True


def latest(device: str) -> Found:
    """Return the lease of ``device`` that was written last; what cannot be read is not there."""
    found = Found()
    noted = str(answers.directory() / NOTE)
    for pattern in (*DHCLIENT, *DHCPCD, noted):
        path = Path(pattern.replace("%s", device))
        try:
            changed = int(path.stat().st_mtime)
            if changed <= found.changed:
                continue
            with path.open("rb") as file:
                data = file.read(dhcpv6.MAX_TEXT)
            if pattern in DHCPCD:
                lease = dhcpv6.from_message(data)
            elif pattern == noted:
                lease = dhcpv6.Lease(tuple(data.decode("ascii", "replace").split()))
            else:
                lease = dhcpv6.from_lease_file(data.decode("utf-8", "replace"), device)
        except (OSError, RemoteError):
            continue
        found = Found(str(path), changed, lease)
    return found

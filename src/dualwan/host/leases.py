"""DHCPv6 leases of a device: from the files of clients, and from the environment of a hook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dualwan import files
from dualwan.config.values import interface_name
from dualwan.errors import RemoteError
from dualwan.host import answers
from dualwan.line.provisioning import dhcpv6

# Lease files of Debian's clients; %s is the device.
DHCLIENT = ("/var/lib/dhcp/dhclient6.%s.leases", "/var/lib/dhcp/dhclient6.leases")
DHCPCD = ("/var/lib/dhcpcd/%s.lease6",)
NOTE = "dhcpv6.%s"  # in answers.directory(): noted from the environment of a hook


class Found(NamedTuple):
    """A lease, its file ("" for none), and the modification time of the file."""

    path: str = ""
    changed: int = 0
    lease: dhcpv6.Lease = dhcpv6.Lease()


def note(environ: Mapping[str, str]) -> bool:
    """Save the lease in ``environ``, the environment of a DHCPv6 client's hook.

    Return whether there was one. Raises RemoteError for a malformed lease, HostError if it
    cannot be saved.
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
    """Return the most recent lease of ``device``; files that cannot be read are ignored.

    So are files without a lease of it: they hide no older one in another file.
    """
    found = Found()
    noted = str(answers.directory() / NOTE)
    for pattern in (*DHCLIENT, *DHCPCD, noted):
        path = Path(pattern.replace("%s", device))
        try:
            changed = int(path.stat().st_mtime)
            if changed <= found.changed:
                continue
            lease: dhcpv6.Lease | None
            if pattern == noted:  # a file of ours
                lease = dhcpv6.Lease(tuple(files.read_own(path, dhcpv6.MAX_TEXT).split()))
            elif pattern in DHCPCD:
                lease = dhcpv6.from_message(files.read_bytes(path, dhcpv6.MAX_TEXT))
            else:
                data = files.read_bytes(path, dhcpv6.MAX_TEXT)
                lease = dhcpv6.from_lease_file(data.decode("utf-8", "replace"), device)
        except (OSError, UnicodeDecodeError, RemoteError):
            continue
        if lease is not None:
            found = Found(str(path), changed, lease)
    return found

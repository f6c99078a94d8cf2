"""What the line was asked and what it said: the answers kept on disk, and the asking."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dualwan import __version__
from dualwan.config.mape import HB46PP
from dualwan.config.values import interface_name
from dualwan.errors import HostError, RemoteError
from dualwan.host.remote import resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import cache, dhcpv6, hb46pp
from dualwan.line.provisioning.answer import Known

NAME = "provisioning.json"
# Where the DHCPv6 clients of Debian keep their leases; %s is the device.
DHCLIENT = ("/var/lib/dhcp/dhclient6.%s.leases", "/var/lib/dhcp/dhclient6.leases")
DHCPCD = ("/var/lib/dhcpcd/%s.lease6",)
NOTE = "dhcpv6.%s"  # in directory(): what a client told its hook


def directory() -> Path:
    """Where answers outlive a boot; DUALWAN_STATE moves it."""
    return Path(os.environ.get("DUALWAN_STATE") or "/var/lib/dualwan")


def read() -> cache.AnswerCache:
    """The answers kept; what cannot be read counts as nothing known."""
    try:
        with (directory() / NAME).open(encoding="utf-8") as file:
            return cache.decode(file.read(cache.MAX_CACHE))
    except (OSError, ValueError):
        return cache.AnswerCache()


def write(answers: cache.AnswerCache) -> None:
    """Keep ANSWERS for later; raises HostError."""
    _write(directory() / NAME, cache.encode(answers))


def note(environ: Mapping[str, str]) -> bool:
    """Keep what a DHCPv6 client hands to its hook, for learning; whether there was anything.

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
    _write(directory() / NOTE.replace("%s", device), text + "\n")
    return True


def _write(target: Path, text: str) -> None:
    """Write TEXT whole or not at all (temporary file and rename); it may hold a token: 0600."""
    fresh = target.with_name(target.name + ".new")
    try:
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # it is there for the boot after a power cut
        fresh.replace(target)
    except OSError as error:
        raise HostError(f"{target}: {error.strerror}") from None


def ask(source: str, device: str, before: Known | None, seconds: float,
        port: int = resolver.PORT) -> tuple[str, int, str]:
    """Ask SOURCE about the line on DEVICE; (where it came from, when, what it said).

    BEFORE is the last answer. Raises RemoteError after SECONDS at the latest.
    """
    if source == HB46PP:
        return _hb46pp(device, before, Deadline(seconds), port)
    return _dhcpv6(device)


def _hb46pp(device: str, before: Known | None, deadline: Deadline,
            port: int) -> tuple[str, int, str]:
    import time  # noqa: PLC0415

    from dualwan.host.remote import https  # noqa: PLC0415 - only where a server is asked

    servers = (*_lease_of(device)[2].name_servers, *resolver.resolvers())
    url = hb46pp.server(resolver.texts(hb46pp.NAME, servers, deadline, port))
    origin = hb46pp.shown(url)
    token = before.answer.token if before and before.origin == origin else ""
    response = https.get(
        url, deadline, lambda host: resolver.addresses(host, servers, deadline, port),
        each=lambda step: hb46pp.request(step, __version__, token))
    try:
        return origin, int(time.time()), response.body.decode("utf-8")
    except UnicodeDecodeError:
        raise RemoteError(f"the answer of {origin} is not UTF-8 text") from None


def _dhcpv6(device: str) -> tuple[str, int, str]:
    path, changed, lease = _lease_of(device)
    if not path:
        raise RemoteError(f"no DHCPv6 client keeps a lease of {device}")
    if not lease.containers:
        raise RemoteError(f"the lease in {path} has no option {dhcpv6.CONTAINER}")
    return path, changed, lease.text


def _lease_of(device: str) -> tuple[str, int, dhcpv6.Lease]:
    """The latest lease of DEVICE that a client keeps: file, its time, content."""
    found: tuple[str, int, dhcpv6.Lease] = ("", 0, dhcpv6.Lease())
    noted = str(directory() / NOTE)
    for pattern in (*DHCLIENT, *DHCPCD, noted):
        path = Path(pattern.replace("%s", device))
        try:
            changed = int(path.stat().st_mtime)
            if changed <= found[1]:
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
        found = (str(path), changed, lease)
    return found

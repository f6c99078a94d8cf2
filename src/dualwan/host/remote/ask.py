"""Ask the line for its rule: by HB46PP from the provider's server, by DHCPv6 from a lease."""

from __future__ import annotations

from dualwan import __version__
from dualwan.config.mape import HB46PP
from dualwan.errors import RemoteError
from dualwan.host import leases
from dualwan.host.remote import resolver
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import dhcpv6, hb46pp
from dualwan.line.provisioning.answer import CachedAnswer


def ask(
    source: str,
    device: str,
    previous: CachedAnswer | None,
    seconds: float,
    port: int = resolver.PORT,
) -> tuple[str, int, str]:
    """Ask ``source`` about the line on ``device``: where it came from, when, what it said.

    ``previous`` is the last answer. Raises RemoteError after ``seconds`` at the latest.
    """
    if source == HB46PP:
        return _hb46pp(device, previous, Deadline(seconds), port)
    return _dhcpv6(device)


def _hb46pp(
    device: str, previous: CachedAnswer | None, deadline: Deadline, port: int
) -> tuple[str, int, str]:
    """Follow the TXT record to the server; the line's own name servers come first."""
    import time  # noqa: PLC0415

    from dualwan.host.remote import https  # noqa: PLC0415 - only where a server is asked

    servers = (*leases.latest(device).lease.name_servers, *resolver.resolvers())
    url = hb46pp.server(resolver.texts(hb46pp.NAME, servers, deadline, port))
    origin = hb46pp.shown(url)
    token = previous.answer.token if previous and previous.origin == origin else ""
    response = https.get(
        url,
        deadline,
        lambda host: resolver.addresses(host, servers, deadline, port),
        each=lambda step: hb46pp.request(step, __version__, token),
    )
    try:
        return origin, int(time.time()), response.body.decode("utf-8")
    except UnicodeDecodeError:
        raise RemoteError(f"the answer of {origin} is not UTF-8 text") from None


def _dhcpv6(device: str) -> tuple[str, int, str]:
    found = leases.latest(device)
    if not found.path:
        raise RemoteError(f"no DHCPv6 client keeps a lease of {device}")
    if not found.lease.containers:
        raise RemoteError(f"the lease in {found.path} has no option {dhcpv6.CONTAINER}")
    return found.path, found.changed, found.lease.text

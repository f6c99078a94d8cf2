"""Fetch the line's rule: by HB46PP from the provider's server, or from a DHCPv6 lease."""

from __future__ import annotations

import time

from dualwan import __version__
from dualwan.config.mape import HB46PP
from dualwan.errors import HostError, RemoteError
from dualwan.host import leases
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import dhcpv6, hb46pp
from dualwan.line.provisioning.answer import CachedAnswer
from dualwan.words import say

DNS_PORT = 53
ASK_SECONDS = 2.0  # for a DHCPv6 server on the line


def ask(
    source: str, device: str, previous: CachedAnswer | None, seconds: float, port: int = DNS_PORT
) -> tuple[str, int, str]:
    """Fetch the answer of ``source`` for the line on ``device``.

    Return its origin (a URL or a file), its time in seconds since 1970, and its text, unchecked.
    ``previous``: the last answer, whose token is sent along. Raises RemoteError, after ``seconds``
    at the latest.
    """
    if source == HB46PP:
        return _hb46pp(device, previous, Deadline(seconds), port)
    return _dhcpv6(device, Deadline(seconds))


def _hb46pp(
    device: str, previous: CachedAnswer | None, deadline: Deadline, port: int
) -> tuple[str, int, str]:
    """Ask the server named in the TXT record, for which the line's name servers are asked first."""
    from dualwan.host.remote import https, name_servers, resolver  # noqa: PLC0415 - not for DHCPv6

    line = name_servers.of_line(device, deadline)
    servers = (*line, *(one for one in resolver.resolvers() if one not in line))
    url = hb46pp.server(resolver.texts(hb46pp.NAME, servers, deadline, port))
    origin = hb46pp.origin_of(url)
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


def _dhcpv6(device: str, deadline: Deadline) -> tuple[str, int, str]:
    """Return option 94 of the latest lease; without a lease, ask a DHCPv6 server for it."""
    found = leases.latest(device)
    if not found.path:
        from dualwan.host.remote import line_news  # noqa: PLC0415 - only without a client

        try:
            lease = line_news.ask(device, Deadline(deadline.left(ASK_SECONDS)))
        except (HostError, RemoteError) as error:
            raise RemoteError(
                say(
                    "no DHCPv6 client keeps a lease of {device}; {error}",
                    device=device,
                    error=error,
                )
            ) from None
        if not lease.containers:
            raise RemoteError(
                say(
                    "no DHCPv6 client keeps a lease of {device}, and a server there, if any, does "
                    "not give option {option}",
                    device=device,
                    option=dhcpv6.CONTAINER,
                )
            )
        return f"DHCPv6 on {device}", int(time.time()), lease.text
    if not found.lease.containers:
        raise RemoteError(
            say(
                "the lease in {path} has no option {option}",
                path=found.path,
                option=dhcpv6.CONTAINER,
            )
        )
    return found.path, found.changed, found.lease.text

"""Ask routers of the line, by a router solicitation, which prefixes they announce.

An address does not tell which router has announced its prefix. Any device on the link can announce
one, with any lifetime; the router that counts is the one of the kernel's default route.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Collection, Iterator
from contextlib import suppress
from ipaddress import IPv6Address, IPv6Network

from dualwan.errors import HostError, RemoteError
from dualwan.host import ndp
from dualwan.host.prefix import LINE
from dualwan.host.remote import line_news
from dualwan.host.remote.deadline import Deadline

SECONDS = 4.0  # a router answers within 0.5 s, but 3 s after its last advertisement (RFC 4861, 6.2)
AGAIN_SECONDS = 1.0  # until the solicitation is repeated
MORE_SECONDS = 0.3  # after an advertisement, for further ones of the same router
_LIFETIME = slice(6, 8)  # of an advertisement (RFC 4861 section 4.2)
_PREFIX_OPTION, _PREFIX_SIZE = 3, 32  # section 4.6.2
_VALID, _PREFERRED, _PREFIX = slice(4, 8), slice(8, 12), slice(16, 32)


def prefixes(device: str, routers: Collection[str]) -> tuple[str, ...]:
    """Return the prefixes that ``routers`` announce on ``device`` with a preferred lifetime.

    Empty if none answers within SECONDS. ``routers``: their link-local addresses. Raises HostError
    if the solicitation cannot be sent.
    """
    found: dict[str, None] = {}
    turns = _turns(device)
    try:
        with line_news.advertisements(device) as listener:
            while not found and (turn := next(turns, None)):
                found = dict.fromkeys(_next(listener, routers, turn))
            more = Deadline(MORE_SECONDS)
            while found and (others := _next(listener, routers, more)):
                found |= dict.fromkeys(others)
    except OSError as error:
        raise HostError(f"asking the router on {device}: {error.strerror or error}") from None
    return tuple(found)


def announcements(device: str, routers: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return, by router that answers, the prefixes that it announces with a preferred lifetime.

    All have SECONDS to answer, and MORE_SECONDS after the last one for further advertisements.
    ``routers``: their link-local addresses. Raises HostError if the solicitation cannot be sent.
    """
    found: dict[str, tuple[str, ...]] = {}
    turns = _turns(device)
    try:
        with line_news.advertisements(device) as listener:
            while frozenset(routers) - found.keys() and (turn := next(turns, None)):
                _collect(listener, routers, turn, found, all_of_them=True)
            if found:
                _collect(listener, routers, Deadline(MORE_SECONDS), found, all_of_them=False)
    except OSError as error:
        raise HostError(f"asking the router on {device}: {error.strerror or error}") from None
    return found


def _turns(device: str) -> Iterator[Deadline]:
    """Send a solicitation every AGAIN_SECONDS for SECONDS; yield the deadline of each."""
    whole = Deadline(SECONDS)
    while True:
        try:
            turn = Deadline(whole.left(AGAIN_SECONDS))
        except RemoteError:
            return
        ndp.solicit(device)
        yield turn


def _collect(
    listener: socket.socket,
    routers: Collection[str],
    until: Deadline,
    found: dict[str, tuple[str, ...]],
    *,
    all_of_them: bool,
) -> None:
    """Add the announcements of ``routers`` to ``found`` until ``until``.

    ``all_of_them``: stop once each router has announced something.
    """
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while not all_of_them or frozenset(routers) - found.keys():
        try:
            poll.poll(until.left() * 1000)
        except RemoteError:
            return
        router, said = _heard(listener, routers)
        if router:
            found[router] = tuple(dict.fromkeys((*found.get(router, ()), *said)))


def _next(listener: socket.socket, routers: Collection[str], until: Deadline) -> tuple[str, ...]:
    """Return the prefixes of the next advertisement that has any, () at the deadline ``until``."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        try:
            poll.poll(until.left() * 1000)
        except RemoteError:
            return ()
        if found := _heard(listener, routers)[1]:
            return found


def _heard(listener: socket.socket, routers: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """Return the router of the next advertisement and its prefixes, "" for another router's."""
    with suppress(BlockingIOError):
        data, source = line_news.advertisement(listener)
        if source in routers and any(data[_LIFETIME]):
            return source, announced(data)
    return "", ()


def announced(data: bytes) -> tuple[str, ...]:
    """Return the prefixes of the advertisement ``data`` with a valid and a preferred lifetime."""
    found = []
    for kind, option in ndp.options(data):
        if kind != _PREFIX_OPTION or len(option) != _PREFIX_SIZE:
            continue
        if any(option[_VALID]) and any(option[_PREFERRED]) and option[2] <= LINE:
            address = int(IPv6Address(option[_PREFIX]))
            found.append(str(IPv6Network((address, LINE), strict=False)))
    return tuple(found)

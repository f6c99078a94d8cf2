"""Listening for changes of the line: netlink and udev wake, nothing polls."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

from dualwan.host.prefix import has_default, ignoring_overrun, prefixes
from dualwan.host.rtnl import (
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
    IPRoute,
    NetlinkError,
)

IFF_UP = 1
SETTLED_MS = 500  # a renumbering comes as several messages; one run mends them all


def changes(device: str) -> Iterator[None]:
    """Yield each time that DEVICE appears, comes up, gets other prefixes or a default route.

    Never ends.
    """
    import pyudev  # noqa: PLC0415 - only the watcher needs it

    udev = pyudev.Monitor.from_netlink(pyudev.Context())
    udev.filter_by("net")
    udev.start()
    with IPRoute() as news, IPRoute() as ipr:
        news.bind(groups=RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | RTMGRP_LINK)
        poll = select.poll()
        poll.register(news.fileno(), select.POLLIN)
        poll.register(udev.fileno(), select.POLLIN)
        known: Any = None
        while True:
            state = _state(ipr, device)
            if state != known:
                known = state
                yield
                continue  # what happened meanwhile is seen before the next wait
            poll.poll()
            while poll.poll(SETTLED_MS):
                _drain(news, udev)


def _state(ipr: Any, device: str) -> Any:
    """What a change is measured by: the device, whether it is up, its prefixes, its default."""
    indexes = ipr.link_lookup(ifname=device)
    if not indexes:
        return None
    try:
        link = ipr.get_links(indexes[0])[0]
    except NetlinkError:
        return None  # it went meanwhile
    return (
        indexes[0],
        bool(link["flags"] & IFF_UP),
        frozenset(prefixes(ipr, device)),
        has_default(ipr, indexes[0]),
    )


def _drain(news: Any, udev: Any) -> None:
    """Read what is there without blocking; only that something happened counts."""
    ready = select.poll()
    ready.register(news.fileno(), select.POLLIN)
    while ready.poll(0):
        with ignoring_overrun():
            news.get()
    while udev.poll(timeout=0) is not None:
        pass

"""Waiting for the kernel without polling: each rtnetlink event is a reason to look again."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from guest.namespace import ROUTER, Namespace

Value = TypeVar("Value")

# RTMGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE
_GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400


class TimedOutError(Exception):
    """What was waited for did not happen within its limit."""


def until(
    look: Callable[[], Value | None], what: str, limit: float, where: Namespace = ROUTER
) -> Value:
    """Return what `look` finds; repeat it at each change of links, addresses, routes, rules."""
    deadline = time.monotonic() + limit
    with where.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as events:
        events.bind((0, _GROUPS))
        while True:
            found = look()
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOutError(f"{what}: not within {limit:.0f} s")
            # At the limit it is called once more, in case no event came.
            if select.select([events], [], [], left)[0]:
                _drain(events)


def until_ended(pids: Callable[[], list[int]], left: int, limit: float) -> None:
    """Wait until only ``left`` of the processes ``pids`` are there."""
    deadline = time.monotonic() + limit
    while len(running := pids()) > left:
        handles = []
        for pid in running:
            with suppress(ProcessLookupError):
                handles.append(os.pidfd_open(pid))
        ready = select.select(handles, [], [], max(0.0, deadline - time.monotonic()))[0]
        for handle in handles:
            os.close(handle)
        if not ready and handles:
            raise TimedOutError(f"the end of one of {running}: not within {limit:.0f} s")


def _drain(events: socket.socket) -> None:
    """Many events at once are one reason to look."""
    while select.select([events], [], [], 0)[0]:
        try:
            events.recv(65536)
        except OSError:  # events were lost (ENOBUFS); looking again makes up for them
            return

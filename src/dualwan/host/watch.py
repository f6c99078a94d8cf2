"""The kernel's and udev's news of objects of this program; nothing polls.

    links, addresses, default routes, rules    rtnetlink, as they change
    sysctls                                    a write, by inotify; see there
    nft tables                                 nf_tables, as a transaction ends
    devices that have their final name         udev, after its own programs have set their sysctls

News only wake the caller, who then reads the state from the kernel.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyudev

from dualwan.errors import HostError
from dualwan.host import news
from dualwan.host.inotify import Writes
from dualwan.host.news import ignoring_overrun
from dualwan.host.nfnetlink import messages
from dualwan.host.sysctl import PROC_SYS
from dualwan.words import say

SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
QUIET_SECONDS = 0.3  # without news; one renumbering sends many messages
LONGEST_SECONDS = 1.0  # however long a storm lasts
BUFFER = 1 << 16
SO_RCVBUFFORCE = 33
# Errors after which anything may have changed: lost messages (ENOBUFS), or unreadable ones.
_LOST = (errno.ENOBUFS, errno.EBADMSG)
RECEIVE_BUFFER = 1 << 20  # `nft flush ruleset` is hundreds of KB of news of our tables


class Watch:
    """Wakes the caller of ``wait``, once for a burst of news."""

    def __init__(self) -> None:
        self._route = _listen(NETLINK_ROUTE, news.ROUTE_GROUPS)
        self._nft = _listen(NETLINK_NETFILTER, news.NFT_GROUPS)
        self._udev = pyudev.Monitor.from_netlink(pyudev.Context())
        self._udev.filter_by("net")
        self._udev.start()
        self._poll = select.poll()
        for source in (self._route, self._nft, self._udev):
            self._poll.register(source.fileno(), select.POLLIN)
        self._writes: Writes | None = None
        self._followed: Any = None
        self._urgent = self._touched = False
        self._repeats = news.Repeats()
        self._by: dict[int, str] = {}  # names by process id, "" until they are read

    def close(self) -> None:
        """Listen no longer."""
        for source in (self._route, self._nft, self._writes):
            if source is not None:
                source.close()

    # --- news ----------------------------------------------------------------------------

    def wait(self, seconds: float | None = None) -> bool:
        """Wait up to ``seconds``, None for ever; return whether an object of ours may have changed.

        After news wait until none has come for QUIET_SECONDS, except after news of an nft table.
        """
        self._by, self._urgent, self._touched = {}, False, False
        until = None if seconds is None else time.monotonic() + seconds
        while not self._heard(until):
            if until is not None and time.monotonic() >= until:
                return False
        latest = time.monotonic() + LONGEST_SECONDS
        while not self._urgent and time.monotonic() < latest:
            if not self._poll.poll(QUIET_SECONDS * 1000):
                break
            self.drain()
        return True

    def _heard(self, until: float | None) -> bool:
        limit = None if until is None else max(0, int((until - time.monotonic()) * 1000) + 1)
        self._poll.poll(limit)
        return self.drain()

    def drain(self) -> bool:
        """Read all pending news, without waiting; return whether any may be about our objects."""
        heard = [
            self._read(self._route, self._of_route),
            self._read(self._nft, news.of_nft),
            self._writes is not None and self._writes.drain(),
        ]
        with ignoring_overrun():
            while self._udev.poll(timeout=0) is not None:
                heard.append(True)
        return any(heard)

    def _read(self, source: Any, read: Callable[[bytes], news.News]) -> bool:
        """Read a netlink socket until it is empty; return whether any may be about our objects."""
        heard = False
        try:
            while data := _received(source):
                for message in messages(data):
                    heard |= self._take(read(message))
        except OSError as error:
            if error.errno not in _LOST:
                raise
            self._urgent = True
            self._repeats.forget()
            return True
        return heard

    def _of_route(self, message: bytes) -> news.News:
        repeated = self._repeats.one(message)
        return news.News(ours=False) if repeated else news.of_route(message)

    def _take(self, told: news.News) -> bool:
        self._urgent |= told.urgent
        if told.ours:
            self._touched = True
            self._by[told.process] = ""
        elif told.name and self._touched:  # ends a transaction on a table of ours
            self._by[told.process] = told.name
            self._touched = False
        return told.ours

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that caused the last news, as far as they can be named."""
        others = {*self._by} - {0, os.getpid()}  # 0 is the kernel
        named = (self._by[process] or _name_of(process) for process in others)
        return tuple(sorted({name for name in named if name}))

    # --- what is looked at ---------------------------------------------------------------

    def follow(self, sysctls: Iterable[str], devices: Iterable[int]) -> None:
        """Receive news of writes to ``sysctls`` from now on, and to no others.

        ``devices``: the indexes of their devices: a device that was removed and comes back has new
        files.
        """
        wanted = (tuple(sysctls), tuple(devices))
        if wanted == self._followed:
            return
        fresh = Writes()
        fresh.follow(PROC_SYS / name for name in wanted[0])
        self._poll.register(fresh.fileno(), select.POLLIN)
        if self._writes is not None:
            self._poll.unregister(self._writes.fileno())
            self._writes.close()
        self._writes, self._followed = fresh, wanted


def _listen(protocol: int, groups: Iterable[int]) -> socket.socket:
    """Return a socket that receives the ``groups`` of a netlink protocol; raises HostError."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    try:
        made.bind((0, 0))  # a socket without an address receives no messages
        _enlarge(made)
        for group in groups:
            made.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)
    except OSError as error:
        made.close()
        raise HostError(
            say("cannot listen to the kernel: {reason} (root?)", reason=error.strerror)
        ) from None
    return made


def _enlarge(made: socket.socket) -> None:
    """Let the kernel keep RECEIVE_BUFFER bytes of news, or as much as it allows.

    In a container of its own users not even root may go beyond net.core.rmem_max. What does not
    fit is lost, and counts as news of anything.
    """
    try:
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def _received(source: Any) -> bytes:
    """Return what a socket has, b"" for nothing."""
    try:
        return bytes(source.recv(BUFFER, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return b""


def _name_of(process: int) -> str:
    """Return the name of a process, "" if it has ended."""
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

"""Writes to files by any process, also to files of /proc/sys, by inotify(7).

By netlink the kernel announces changes of some sysctls only (forwarding and rp_filter, not
accept_ra); by inotify each write(2) to any of them. Changes by the kernel itself are not announced.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from dualwan.errors import KernelError

IN_MODIFY = 0x2
SIZE = 1 << 14


class Writes:
    """An inotify instance: readable after a write to one of the files that it follows."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._handle < 0:
            raise KernelError(f"inotify: {os.strerror(ctypes.get_errno())}")

    def fileno(self) -> int:
        """Return the file descriptor, for poll(2)."""
        return int(self._handle)

    def follow(self, paths: Iterable[Path]) -> None:
        """Follow ``paths`` too; one that is missing is left out."""
        for path in paths:
            self._libc.inotify_add_watch(self._handle, os.fsencode(path), IN_MODIFY)

    def drain(self) -> bool:
        """Read all pending events; return whether there were any."""
        found = False
        with suppress(BlockingIOError):
            while os.read(self._handle, SIZE):
                found = True
        return found

    def close(self) -> None:
        """End following."""
        os.close(self._handle)

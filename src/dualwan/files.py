"""Files that decide what root does: regular ones, which only root can have written.

A fifo, a symlink or a file of another user in their place is an OSError, and nothing waits for
it. Hard links are not counted: any user may be able to make one more of a file that he can
read, and that changes nothing in it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

WRITERS = stat.S_IWGRP | stat.S_IWOTH
MAX_FOREIGN = 1 << 20  # bytes
Pathlike = str | os.PathLike[str]


class UntrustedError(OSError):
    """Others than root may change the file."""


def read_own(path: Pathlike, limit: int = -1) -> str:
    """Return the text of a file that this program has written, ``limit`` characters (-1: all).

    Raises OSError, UnicodeDecodeError.
    """
    handle = _opened(path, os.O_NOFOLLOW, WRITERS)
    with os.fdopen(handle, encoding="utf-8") as file:
        return file.read(limit)


def read_text(path: Pathlike, *, trusted: bool = True) -> str:
    """Return the text of a file of the machine's owner, which may be a symlink.

    ``trusted``: it is an UntrustedError if others than root, or the caller, may change it. A
    group may: the owner has given it the right. Raises OSError, UnicodeDecodeError.
    """
    handle = _opened(path, 0, stat.S_IWOTH if trusted else None)
    with os.fdopen(handle, encoding="utf-8") as file:
        return file.read()


def read_bytes(path: Pathlike, limit: int) -> bytes:
    """Return up to ``limit`` bytes of a file of another program; raises OSError."""
    with os.fdopen(_opened(path, 0, None), "rb") as file:
        return file.read(limit)


def read_foreign(path: Pathlike) -> str:
    """Return the beginning of the text of a file of another program; raises OSError."""
    return read_bytes(path, MAX_FOREIGN).decode("utf-8", "replace")


def _opened(path: Pathlike, flags: int, writers: int | None) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    try:
        _check(path, os.fstat(handle), writers)
    except OSError:
        os.close(handle)
        raise
    return handle


def _check(path: Pathlike, about: os.stat_result, writers: int | None) -> None:
    if stat.S_ISDIR(about.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    if writers is not None and others_may_write(about, writers):
        raise UntrustedError(errno.EPERM, "others than root may change it", str(path))


def others_may_write(about: os.stat_result, writers: int = WRITERS) -> bool:
    """Whether a file or folder is another user's than root's or the caller's, or open to them.

    ``writers``: the bits of the mode that say so.
    """
    return bool(about.st_mode & writers) or about.st_uid not in {0, os.geteuid()}


def write(target: Pathlike, text: str, mode: int, *, sync: bool = False) -> None:
    """Write a file anew, then rename(2) it; raises OSError, and the old file is intact then.

    ``mode``: its permissions at most, whatever the umask is. ``sync``: it must outlive a power
    cut.
    """
    fresh = f"{os.fspath(target)}.new"
    _remove(fresh)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(fresh, target)  # noqa: PTH105 - pathlib is not needed for it
    except OSError:
        _remove(fresh)  # a partial file takes up space
        raise


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - pathlib is not needed for it

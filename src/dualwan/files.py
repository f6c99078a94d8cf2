"""Files that decide what root does: regular ones, which only root can have written.

A symlink, a fifo or a file of another user in their place is an OSError, and nothing waits for
it. Hard links are not counted: any user may be able to make one more of a file that he can
read, and that changes nothing in it.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

WRITERS = stat.S_IWGRP | stat.S_IWOTH
Pathlike = str | os.PathLike[str]


def read_own(path: Pathlike) -> str:
    """Return the text of a file that this program has written; raises OSError, ValueError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        _check_regular(path, os.fstat(handle))
        if others_may_write(os.fstat(handle)):
            raise OSError(errno.EPERM, "others than root may change it", str(path))
        return file.read().decode("utf-8")


def read_regular(path: Pathlike, limit: int = -1, writers: int = 0) -> bytes:
    """Return ``limit`` bytes (-1: all) of a file of another program or of the owner.

    It may be a symlink. ``writers``: mode bits that make it an OSError, as another owner than
    root or the caller does then; 0 to take it from any owner.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        _check_regular(path, about)
        if writers and others_may_write(about, writers):
            raise OSError(errno.EPERM, "others than root may change it", str(path))
        return file.read(limit)


def others_may_write(about: os.stat_result, writers: int = WRITERS) -> bool:
    """Whether a file or folder is another user's than root's or the caller's, or open to them."""
    return bool(about.st_mode & writers) or about.st_uid not in {0, os.geteuid()}


def write(target: Pathlike, text: str, mode: int, *, sync: bool = False) -> None:
    """Write a file anew, then rename(2) it; raises OSError, and the old file is intact then.

    ``mode``: its permissions, whatever the umask allows. ``sync``: it has to outlive a power cut.
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


def _check_regular(path: Pathlike, about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "is no regular file", str(path))

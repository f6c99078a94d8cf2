"""Files that decide what root does: regular files that only root can have written.

For root, the folders in which the kernel looks up a part of the path must be trusted too, as for
sshd(8): others could put another file there.

A fifo, a symlink or another user's file raises OSError at once, without waiting. Hard links are not
checked: a user may be able to make one of any file that he can read, and that changes nothing in
it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from dualwan.words import say

WRITERS = stat.S_IWGRP | stat.S_IWOTH
MAX_FOREIGN = 1 << 20  # bytes
MAX_LINKS = 40  # as the kernel follows (MAXSYMLINKS)
OTHERS = say("others than root may change it")
Pathlike = str | os.PathLike[str]


class UntrustedError(OSError):
    """Others than root may change the file."""


def read_own(path: Pathlike, limit: int = -1) -> str:
    """Return the text of a file that this program has written, ``limit`` characters (-1: all).

    In a folder that others may write it is not trusted: they could put an older file of root's
    there. Raises OSError, UnicodeDecodeError.
    """
    check_folder(os.path.dirname(path) or ".")  # noqa: PTH120 - pathlib is not needed for it
    handle = _opened(path, os.O_NOFOLLOW, WRITERS)
    with os.fdopen(handle, encoding="utf-8") as file:
        return file.read(limit)


def read_text(path: Pathlike, *, trusted: bool = True) -> str:
    """Return the text of a file of the machine's owner, which may be a symlink.

    ``trusted``: raise UntrustedError if anyone but root and the caller may change it. The group
    root may, and any group may where the caller is not root. The byte order mark of an editor of
    Windows is no text. Raises OSError, UnicodeDecodeError.
    """
    with os.fdopen(_opened(path, 0, None), encoding="utf-8") as file:
        if trusted:
            check_trusted(path, os.fstat(file.fileno()))
        return file.read().removeprefix("\ufeff")


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
        raise OSError(errno.EINVAL, say("is no regular file"), str(path))
    if writers is not None and others_may_write(about, writers):
        raise untrusted(path, about)


def others_may_write(about: os.stat_result, writers: int = WRITERS) -> bool:
    """Whether a user other than root and the caller owns a file or folder, or may write it.

    ``writers``: the mode bits that let others write.
    """
    return bool(about.st_mode & writers) or about.st_uid not in {0, os.geteuid()}


def check_trusted(path: Pathlike, about: os.stat_result) -> None:
    """Raise UntrustedError if others may change the owner's file ``path``, of the stat ``about``.

    Others are all users but root and the caller, and all groups but root's. If the caller is root,
    the folders in which the kernel looks up a part of ``path`` are checked too; in a sticky folder
    of root's, only the owner of the entry. Raises OSError.
    """
    if os.geteuid() != 0:
        if others_may_write(about, stat.S_IWOTH):
            raise untrusted(path, about)
        return
    if _others_than_root(about):
        raise untrusted(path, about)
    for folder, name in _lookups(os.path.abspath(path)):  # noqa: PTH100 - it leaves links alone
        about = os.stat(folder)  # noqa: PTH116 - pathlib is not needed for it
        if about.st_mode & stat.S_ISVTX and about.st_uid == 0:
            about = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - nor for this
            if about.st_uid:
                raise untrusted(os.path.join(folder, name), about)  # noqa: PTH118 - nor for this
        elif _others_than_root(about):
            raise untrusted(folder, about, above=True)


def _others_than_root(about: os.stat_result) -> bool:
    writers = stat.S_IWOTH | (stat.S_IWGRP if about.st_gid else 0)
    return bool(about.st_mode & writers) or about.st_uid != 0


def _lookups(path: str) -> Iterator[tuple[str, str]]:
    """Yield each folder in which the kernel looks up a name of ``path``, with the name."""
    folder, names, links = "/", path.split("/"), 0
    while names:
        name = names.pop(0)
        if name in {"", "."}:
            continue
        if name == "..":
            folder = os.path.dirname(folder)  # noqa: PTH120 - pathlib is not needed for it
            continue
        yield folder, name
        below = os.path.join(folder, name)  # noqa: PTH118 - nor for this
        try:
            target = os.readlink(below)  # noqa: PTH115 - nor for this
        except OSError:
            folder = below
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        folder = "/" if target.startswith("/") else folder
        names = [*target.split("/"), *names]


def untrusted(path: Pathlike, about: os.stat_result, *, above: bool = False) -> UntrustedError:
    """Return an error that names the file or folder, what to do, its owner and its mode.

    ``above``: it is a folder above the file, which may be the home of a user.
    """
    from grp import getgrgid  # noqa: PLC0415 - only for this error
    from pwd import getpwuid  # noqa: PLC0415 - only for this error

    owner, group = str(about.st_uid), str(about.st_gid)
    with suppress(KeyError):
        owner = getpwuid(about.st_uid).pw_name
    with suppress(KeyError):
        group = getgrgid(about.st_gid).gr_name
    name, mode = os.fspath(path), stat.S_IMODE(about.st_mode)
    remedy = say("chown root {name}; chmod {mode:o} {name}", name=name, mode=mode & 0o755)
    if above and about.st_uid:
        remedy = say(
            "put the file into a folder of root's, or, if {owner} does not need that one, {remedy}",
            owner=owner,
            remedy=remedy,
        )
    return UntrustedError(
        errno.EPERM,
        say(
            "{others}: {remedy} (owner {owner}, group {group}, mode {now:04o})",
            others=OTHERS,
            remedy=remedy,
            owner=owner,
            group=group,
            now=mode,
        ),
        name,
    )


def refusal(path: Pathlike, error: UntrustedError) -> str:
    """Return the sentence about ``path`` that says which file or folder others may change."""
    culprit = "" if error.filename == os.fspath(path) else f"{error.filename}: "
    return say(
        "{path}: {culprit}{reason}",
        path=os.fspath(path),
        culprit=culprit,
        reason=error.strerror,
    )


def check_folder(path: Pathlike) -> None:
    """Raise UntrustedError if anyone but root and the caller may change the entries of a folder.

    Raises OSError if ``path`` is no folder.
    """
    about = os.stat(path)  # noqa: PTH116 - pathlib is not needed for it
    if not stat.S_ISDIR(about.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    if others_may_write(about):
        raise untrusted(path, about)


def make_folder(path: Pathlike, mode: int) -> None:
    """Make a folder, and missing ones above it, with ``mode`` regardless of the umask.

    A folder that exists loses the mode bits beyond ``mode``. Raises UntrustedError if others may
    change its entries, OSError.
    """
    name = os.fspath(path)
    try:
        os.mkdir(name, mode)  # noqa: PTH102 - pathlib is not needed for it
    except FileNotFoundError:
        above = os.path.dirname(name)  # noqa: PTH120 - pathlib is not needed for it
        if not above:
            raise
        make_folder(above, 0o755)
        make_folder(name, mode)
        return
    except FileExistsError:
        check_folder(name)
        present = stat.S_IMODE(os.stat(name).st_mode)  # noqa: PTH116 - pathlib is not needed for it
        mode &= present
        if mode == present:
            return
    os.chmod(name, mode)  # noqa: PTH101 - pathlib is not needed for it


def write(target: Pathlike, text: str, mode: int, *, sync: bool = False) -> None:
    """Write a temporary file, then rename(2) it; raises OSError, and the old file is intact then.

    ``mode``: permissions, regardless of the umask. ``sync``: fsync(2), to outlive a power cut.
    """
    fresh = f"{os.fspath(target)}.new"
    _remove(fresh)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, mode)
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

"""Files of the machine's owner: created without overwriting, or replaced with a copy kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from dualwan import files
from dualwan.errors import HostError, UsageError
from dualwan.words import say

MODE = 0o644  # nothing secret is in a configuration, and only its owner may change it
COPY = ".before-init"
MAX_COPIES = 100


def check(path: Path, *, force: bool) -> None:
    """Raise UsageError if ``path`` exists and not ``force``; HostError if it cannot be written.

    The folder may be missing; it will be made in the nearest folder above that exists.
    """
    if is_there(path) and not force:
        raise UsageError(
            say(
                "{path}: there is a configuration already; --force writes another, and "
                "keeps a copy",
                path=path,
            )
        )
    folder = next(one for one in path.absolute().parents if one.is_dir())
    if not os.access(folder, os.W_OK):
        raise HostError(
            say("{path}: cannot be written here; run this as root, or with --dry-run", path=path)
        )


def create(path: Path, text: str, mode: int = MODE) -> None:
    """Write ``path``, which must not be there; raises UsageError if it is, HostError."""
    with _Fresh(path, text, mode) as fresh:
        try:
            os.link(fresh, path)  # unlike rename(2) it never replaces
        except FileExistsError:
            raise UsageError(
                say("{path}: was written by another program meanwhile", path=path)
            ) from None
        except OSError as error:
            raise HostError(
                say("{path}: cannot be written: {reason}", path=path, reason=error.strerror)
            ) from None


def replace(path: Path, text: str, copies: Path | None = None) -> Path:
    """Overwrite ``path``, and return the path of a copy of the old file; raises HostError.

    The new file has the mode of the old one. ``copies``: the folder of the copy, None for that of
    ``path``. In another folder the copy is named by the whole path, with + for each /.
    """
    target = path.resolve()
    try:
        before, about = target.read_bytes(), target.stat()
    except OSError as error:
        raise HostError(
            say("{path}: cannot be read: {reason}", path=path, reason=error.strerror)
        ) from None
    folder = copies or target.parent
    name = target.name if folder == target.parent else "+".join(target.parts[1:])
    copy = _kept(folder / f"{name}{COPY}", before, stat.S_IMODE(about.st_mode))
    with _Fresh(target, text, stat.S_IMODE(about.st_mode) & ~files.WRITERS) as fresh:
        try:
            os.chown(fresh, about.st_uid, about.st_gid)
            fresh.replace(target)
        except OSError as error:
            raise HostError(
                say("{path}: cannot be written: {reason}", path=path, reason=error.strerror)
            ) from None
    return copy


def is_there(path: Path) -> bool:
    """Whether ``path`` is there, if only as a link that leads nowhere."""
    return path.is_symlink() or path.exists()


def _kept(copy: Path, data: bytes, mode: int) -> Path:
    """Write ``data`` to ``copy``, or if that exists, to the first free name with a number."""
    for number in range(1, MAX_COPIES + 1):
        place = copy if number == 1 else copy.with_name(f"{copy.name}.{number}")
        try:
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except FileExistsError:
            continue
        except OSError as error:
            raise HostError(
                say("{place}: cannot be written: {reason}", place=place, reason=error.strerror)
            ) from None
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        except OSError as error:
            place.unlink(missing_ok=True)  # half a copy is none
            raise HostError(
                say("{place}: cannot be written: {reason}", place=place, reason=error.strerror)
            ) from None
        return place
    raise HostError(
        say(
            "{copy}: there are {max_copies} copies already; remove some",
            copy=copy,
            max_copies=MAX_COPIES,
        )
    )


class _Fresh:
    """A temporary file with the text beside ``path``; the end of the block removes it."""

    def __init__(self, path: Path, text: str, mode: int = MODE) -> None:
        self._path = path.with_name(f"{path.name}.new")
        try:
            files.make_folder(path.parent, 0o755)
            files.write(self._path, text, mode, sync=True)
        except OSError as error:
            raise HostError(
                say("{path}: cannot be written: {reason}", path=path, reason=error.strerror)
            ) from None

    def __enter__(self) -> Path:
        return self._path

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)

"""Sysctls, in /proc/sys."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dualwan.errors import KernelError
from dualwan.model.resources import Sysctl

PROC_SYS = Path("/proc/sys")


def read(names: Iterable[str]) -> dict[str, str]:
    """Return the values of ``names``, without those that do not exist at present."""
    found = {}
    for name in names:
        try:
            found[name] = (PROC_SYS / name).read_text(encoding="ascii").strip()
        except OSError:
            continue  # no such device
    return found


def write(sysctl: Sysctl) -> None:
    """Set ``sysctl``; raises KernelError, also for a name that leads out of /proc/sys."""
    if ".." in sysctl.name.split("/") or sysctl.name.startswith("/"):
        raise KernelError(f"{sysctl.name!r} is no sysctl")
    try:
        (PROC_SYS / sysctl.name).write_text(sysctl.value + "\n", encoding="ascii")
    except OSError as error:
        raise KernelError(f"{sysctl.text}: {error.strerror}") from None


def restore(sysctl: Sysctl) -> None:
    """Set ``sysctl`` if it still exists; its device may be gone. Raises KernelError."""
    if (PROC_SYS / sysctl.name).exists():
        write(sysctl)

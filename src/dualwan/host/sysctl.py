"""Values below /proc/sys."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dualwan.errors import KernelError
from dualwan.model.resources import Sysctl

PROC_SYS = Path("/proc/sys")


def read(names: Iterable[str]) -> dict[str, str]:
    """Return the values of those of ``names`` that this kernel has now, without newlines."""
    found = {}
    for name in names:
        try:
            found[name] = (PROC_SYS / name).read_text(encoding="ascii").strip()
        except OSError:
            continue  # the device is not there
    return found


def write(sysctl: Sysctl) -> None:
    """Set a value; raises KernelError."""
    try:
        (PROC_SYS / sysctl.name).write_text(sysctl.value + "\n", encoding="ascii")
    except OSError as error:
        raise KernelError(f"{sysctl.text}: {error.strerror}") from None


def restore(sysctl: Sysctl) -> None:
    """Put a value back; one whose device is gone went with it. Raises KernelError."""
    if (PROC_SYS / sysctl.name).exists():
        write(sysctl)

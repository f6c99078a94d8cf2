"""The protocol of the news that wake the watcher."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dualwan.errors import KernelError
from dualwan.handle.run import warn
from dualwan.model.event import Event


class Ears(Protocol):
    """The news that wake the watcher; see host.watch.Watch."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait up to ``seconds`` for news; return whether there were any."""
        ...

    def drain(self) -> bool:
        """Forget the news so far; return whether any may be about something of ours."""
        ...

    def follow(self, sysctls: Iterable[str], devices: Iterable[int]) -> None:
        """Hear of writes to ``sysctls`` of ``devices``; raises KernelError."""
        ...

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that caused the last news."""
        ...


def follow(ears: Ears, followed: tuple[Iterable[str], Iterable[int]], said: str) -> str:
    """Hear of writes to the sysctls that a look has read; return why that fails, or "".

    The kernel limits inotify instances per user (fs.inotify.max_user_instances), and containers use
    them up. Other news still come, and each look reads the sysctls. ``said``: the reason logged
    last.
    """
    try:
        ears.follow(*followed)
    except KernelError as error:
        if str(error) != said:
            warn(Event.MEND, f"{error}: a write to a sysctl is seen at the next news of all else")
        return str(error)
    return ""

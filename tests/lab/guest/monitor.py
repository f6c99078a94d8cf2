"""Records additions and removals in the routing tables, without a gap."""

from __future__ import annotations

import select
import signal
import subprocess
from types import TracebackType
from typing import Self

from guest.namespace import Namespace


class DefaultRouteWatch:
    """Every IPv6 default route that came or went from `with` on."""

    def __init__(self, space: Namespace) -> None:
        """Watching starts with `with`."""
        self._space = space
        self._lines: list[str] = []

    def __enter__(self) -> Self:
        # The listener works once it has shown the first event that we cause ourselves.
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", *self._space.prefix(), "ip", "-6", "-o", "monitor", "route"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        marker = "fd00:1ab::/64"
        for _attempt in range(50):
            self._space.run("ip", "-6", "route", "add", "unreachable", marker, "dev", "lo")
            self._space.run("ip", "-6", "route", "del", "unreachable", marker, "dev", "lo")
            if select.select([self._process.stdout], [], [], 0.2)[0]:
                return self
        raise RuntimeError("ip monitor says nothing")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGINT)
        said, _nothing = self._process.communicate(timeout=10)
        self._lines = said.splitlines()

    def added(self) -> list[str]:
        """Default routes that came."""
        return [line for line in self._lines if line.startswith("default ")]

    def deleted(self) -> list[str]:
        """Default routes that went."""
        return [line for line in self._lines if line.startswith("Deleted default ")]

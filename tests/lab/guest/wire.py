"""A stream between two guests, or a guest and the QEMU of another: lines of JSON, both ways."""

from __future__ import annotations

import json
import os
import select
import time
from pathlib import Path
from typing import Any

PORTS = Path("/dev/virtio-ports")
_NOBODY_SECONDS = 0.1  # seconds between looks whether the other end is open


class Wire:
    """One end of a stream."""

    def __init__(self, port: str) -> None:
        """Open the port, which nobody else may have open."""
        self._descriptor = os.open(PORTS / port, os.O_RDWR | os.O_CLOEXEC)
        self._pending = b""

    def say(self, value: dict[str, Any]) -> None:
        """Send a value as one line; a newline before it ends one that a power cut truncated."""
        left = b"\n" + json.dumps(value).encode() + b"\n"
        while left:
            left = left[os.write(self._descriptor, left) :]

    def hear(self, limit: float | None = None) -> dict[str, Any] | None:
        """Return the next value, None if none came within ``limit`` seconds."""
        deadline = None if limit is None else time.monotonic() + limit
        while True:
            *lines, self._pending = self._pending.split(b"\n", 1)
            if lines:
                if isinstance(value := _read(lines[0]), dict):
                    return value
                continue
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return None
            if select.select([self._descriptor], [], [], left)[0]:
                chunk = os.read(self._descriptor, 65536)
                self._pending += chunk
                if not chunk:
                    time.sleep(_NOBODY_SECONDS)


def _read(line: bytes) -> Any:
    """Return the value of a line, None for one that is empty or was cut."""
    try:
        return json.loads(line)
    except ValueError:
        return None

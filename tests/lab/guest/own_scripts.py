"""Scripts of the owner in hooks.d, which record what they are told."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from guest.router import HOOKS_SECONDS
from guest.waiting import TimedOutError

FOLDER = Path("/etc/dualwan/hooks.d")
UNIT = "dualwan-hooks.service"
_PIPE = Path("/run/lab-hooks")  # each run of the script writes a line
_NOTES = f"""\
#!/bin/sh
echo "$DUALWAN_EVENT $DUALWAN_WAY ${{DUALWAN_OLD_ADDRESS:--}} ${{DUALWAN_NEW_ADDRESS:--}}" \\
    "$DUALWAN_INTERFACE $(sed -n 's/^0::.*\\///p' /proc/$$/cgroup)" > {_PIPE}
"""


class Notes:
    """A script that notes event, way, old and new address, interface and unit of each run."""

    def __enter__(self) -> Self:
        """Install it."""
        _PIPE.unlink(missing_ok=True)
        os.mkfifo(_PIPE, 0o600)
        self._pipe = os.open(_PIPE, os.O_RDWR | os.O_NONBLOCK)
        self._read = b""
        write("50-notes", _NOTES)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove it."""
        (FOLDER / "50-notes").unlink(missing_ok=True)
        os.close(self._pipe)
        _PIPE.unlink()

    def next(self, *, limit: float = HOOKS_SECONDS) -> list[str]:
        """Return the words of the next run."""
        deadline = time.monotonic() + limit
        while b"\n" not in self._read:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._pipe], [], [], left)[0]:
                raise TimedOutError(f"a run of a script in {FOLDER}: not within {limit:.0f} s")
            self._read += os.read(self._pipe, 4096)
        line, self._read = self._read.split(b"\n", 1)
        return line.decode().split()

    def until(self, way: str, new: str) -> list[list[str]]:
        """Return the words of each run of ``way``, up to the one that has the address ``new``."""
        found: list[list[str]] = []
        while not found or found[-1][3] != new:
            words = self.next()
            if words[1] == way:
                found.append(words)
        return found


def write(name: str, text: str) -> Path:
    """Install a script."""
    path = FOLDER / name
    path.write_text(text)
    path.chmod(0o755)
    return path

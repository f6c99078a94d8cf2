"""A program on a terminal, and the person who answers its questions."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from guest.command import CommandError

_LIMIT = 120.0  # seconds until a question comes
_QUESTION = "]: "


class Terminal:
    """A program that asks on a terminal; what it shows is in ``seen``."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.seen = ""
        self._screen, keys = pty.openpty()
        self._process = subprocess.Popen(argv, stdin=keys, stdout=keys, stderr=keys, cwd="/")
        os.close(keys)

    def __enter__(self) -> Self:
        """Return the terminal."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the program, if it has not ended."""
        self._process.kill()
        self._process.wait()
        os.close(self._screen)

    def answer(self, text: str) -> None:
        """Wait for a question, and type ``text``."""
        asked = len(self.seen)
        while not self.seen[asked:].endswith(_QUESTION):
            if not self._read():
                raise CommandError(f"no question came: {self.seen}")
        os.write(self._screen, f"{text}\n".encode())

    def end(self) -> str:
        """Wait for the end; return what was shown. Raises CommandError for an exit code not 0."""
        while self._read():
            pass
        if code := self._process.wait(_LIMIT):
            raise CommandError(f"exit code {code}: {self.seen}")
        return self.seen

    def _read(self) -> bool:
        """Read what comes; whether anything did before the program ended."""
        if not select.select([self._screen], [], [], _LIMIT)[0]:
            return False
        try:
            self.seen += os.read(self._screen, 4096).decode(errors="replace")
        except OSError:  # the program has ended
            return False
        return True

"""Runs programs; the error of a failure has the program's output."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


class CommandError(Exception):
    """A program ended with another exit code than 0."""


def run(argv: Sequence[str], *, text: str | None = None, limit: float = 60) -> str:
    """Run `argv` with `text` on its standard input; its standard output, or CommandError."""
    done = attempt(argv, text=text, limit=limit)
    if done.returncode:
        said = (done.stderr + done.stdout).strip()
        raise CommandError(f"{' '.join(argv)}: exit code {done.returncode}: {said}")
    return done.stdout


def attempt(
    argv: Sequence[str], *, text: str | None = None, limit: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run `argv` and hand back how it ended, whatever that is."""
    return subprocess.run(
        list(argv),
        input=text if text is not None else "",
        capture_output=True,
        text=True,
        cwd="/",
        timeout=limit,
        check=False,
    )

"""The log of this program, as it is read back. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

LINES = 200  # that are read back
_CAUSE = re.compile(
    r"(?P<text>.*) \(cause=(?P<cause>.+?)(?: code=[A-Za-z0-9-]+)?(?P<step> slice=[a-z0-9-]+)?\)"
)


class LogLine(NamedTuple):
    """A line of the log. time: seconds since 1970. error: of the level error, or a worse one."""

    time: float
    process: int
    error: bool
    text: str


class LastEvent(NamedTuple):
    """The last event that changed something or failed.

    event: its label. time: of its last line, in seconds since 1970. changes: steps done.
    failure: the last error, "" for none.
    """

    event: str
    time: float
    changes: int
    failure: str = ""


def last_event(lines: Sequence[LogLine]) -> LastEvent | None:
    """Return the last event in ``lines``; None if there is none."""
    found: LastEvent | None = None
    process = -1
    for line in lines:
        match = _CAUSE.fullmatch(line.text)
        if match is None:
            continue
        if found is None or (line.process, match["cause"]) != (process, found.event):
            process, found = line.process, LastEvent(match["cause"], line.time, 0)
        found = found._replace(
            time=line.time,
            changes=found.changes + bool(match["step"]),
            failure=match["text"] if line.error else found.failure,
        )
    return found

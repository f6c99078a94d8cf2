"""The log of this program, read back from the journal."""

from __future__ import annotations

import json

from dualwan.errors import HostError
from dualwan.host import program
from dualwan.log import IDENTIFIER
from dualwan.model.log import LINES, LogLine

_ERROR = 3  # LOG_ERR of syslog(3)
_JOURNAL = (
    *("journalctl", "-b", "-q", "-t", IDENTIFIER, "-o", "json", "--no-pager"),
    *("-n", str(LINES)),
)
_FIELDS = ("--output-fields=MESSAGE,PRIORITY,SYSLOG_PID,_PID,__REALTIME_TIMESTAMP",)
_UNREADABLE = "insufficient permissions"


def lines() -> tuple[LogLine, ...] | None:
    """Return the last lines since boot, the oldest first; None if they cannot be read."""
    try:
        code, said, complaint = program.output((*_JOURNAL, *_FIELDS))
    except HostError:
        return None
    if code != 0 or (not said.strip() and _UNREADABLE in complaint):
        return None
    return tuple(line for text in said.splitlines() if (line := _line(text)))


def _line(text: str) -> LogLine | None:
    """Return a line of the journal's JSON; None for one that has another form."""
    try:
        data = json.loads(text)
        message = data["MESSAGE"]
        if isinstance(message, list):  # the journal's form of text that is not UTF-8
            message = bytes(message).decode("utf-8", "replace")
        return LogLine(
            int(data["__REALTIME_TIMESTAMP"]) / 1e6,
            int(data.get("SYSLOG_PID") or data.get("_PID") or 0),
            int(data.get("PRIORITY", _ERROR + 1)) <= _ERROR,
            str(message),
        )
    except (ValueError, LookupError, TypeError):
        return None

"""The log: one line for each change, by structlog to syslog and so to the journal.

`import structlog` loads its renderers for terminals and tracebacks too (100 modules, 10 ms);
the logger itself is two of them.
"""

from __future__ import annotations

import syslog
from collections.abc import MutableMapping
from typing import Any

from dualwan import unstarted

IDENTIFIER = "dualwan-hook"


class _Syslog:
    """The output of structlog: one method for each level."""

    def info(self, line: str) -> None:
        syslog.syslog(syslog.LOG_INFO, _encodable(line))

    def warning(self, line: str) -> None:
        syslog.syslog(syslog.LOG_WARNING, _encodable(line))

    def error(self, line: str) -> None:
        syslog.syslog(syslog.LOG_ERR, _encodable(line))


def _encodable(line: str) -> str:
    """Return ``line`` with escapes for the bytes of a name that is no UTF-8, as of a file."""
    return line.encode("utf-8", "backslashreplace").decode()


def _render(_logger: Any, _level: str, event: MutableMapping[str, Any]) -> str:
    """Render the sentence, then its context: "+ rule … (cause=ppp-up slice=pbr)"."""
    sentence = str(event.pop("event"))
    context = " ".join(f"{key}={value}" for key, value in sorted(event.items()))
    return f"{sentence} ({context})" if context else sentence


def logger(**context: str) -> Any:
    """Return a logger that adds ``context`` to each line."""
    syslog.openlog(IDENTIFIER, syslog.LOG_PID, syslog.LOG_DAEMON)
    bound = unstarted.load("structlog._generic", "BoundLogger")
    return bound(_Syslog(), [_render], {}).bind(**context)

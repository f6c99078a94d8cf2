"""The log: one line a change, to syslog (which the journal keeps) through structlog."""

from __future__ import annotations

import syslog
from collections.abc import MutableMapping
from typing import Any

import structlog

IDENTIFIER = "dualwan-hook"


class _Syslog:
    """What structlog writes to: one method a level."""

    def info(self, line: str) -> None:
        syslog.syslog(syslog.LOG_INFO, line)

    def warning(self, line: str) -> None:
        syslog.syslog(syslog.LOG_WARNING, line)

    def error(self, line: str) -> None:
        syslog.syslog(syslog.LOG_ERR, line)


def _render(_logger: Any, _level: str, event: MutableMapping[str, Any]) -> str:
    """The sentence first, then what belongs to it: "+ rule … (cause=ppp-up slice=pbr)"."""
    sentence = str(event.pop("event"))
    rest = " ".join(f"{key}={value}" for key, value in sorted(event.items()))
    return f"{sentence} ({rest})" if rest else sentence


def logger(**context: str) -> Any:
    """A logger that says CONTEXT with each line."""
    syslog.openlog(IDENTIFIER, syslog.LOG_PID, syslog.LOG_DAEMON)
    return structlog.wrap_logger(
        _Syslog(), processors=[_render], wrapper_class=structlog.BoundLogger
    ).bind(**context)

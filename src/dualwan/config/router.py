"""The section [router]: whether another machine on the line stands in for this one."""

from __future__ import annotations

from dualwan.config import values
from dualwan.frozen import dataclass
from dualwan.toml_source import TomlTable


@dataclass(frozen=True)
class Router:
    """The part of this machine among the routers of the line.

    redundant: it is one of two, and works only after `dualwan-hook role active`.
    """

    redundant: bool = False


def read(table: TomlTable) -> Router:
    """Return [router] from ``table``; raises ConfigError."""
    router = Router(redundant=table.take("redundant", values.flag, Router.redundant))
    table.done()
    return router

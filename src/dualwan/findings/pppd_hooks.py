"""Files that keep pppd from running the hooks in /etc/ppp/ip-up.d and ip-down.d."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def shadowed(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each file that Debian's pppd scripts run instead of their folder."""
    del config
    for path in around.shadowing:
        folder = path.removesuffix(".local") + ".d"
        yield Finding(
            "hook-shadowed",
            say(
                "{path} is executable, so pppd runs it and not {folder}, where our hook is",
                path=path,
                folder=folder,
            ),
            say(
                "move it into {folder} under a name without a dot, or remove its "
                "execute permission",
                folder=folder,
            ),
        )

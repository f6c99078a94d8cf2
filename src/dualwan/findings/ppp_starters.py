"""What starts the PPP peer besides this program, so that there would be two sessions."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings


def second(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each second starter, if this program dials."""
    if not config.pppoe.dial:
        return
    for one in around.ppp.starters:
        what = f"run systemctl disable --now {one.service}" if one.service else "remove that line"
        again = ", and systemd starts it again whenever ifdown hangs up" if one.again else ""
        yield Finding(
            "ppp-second-starter",
            f"{one.place}: {one.text} starts {config.pppoe.peer} too{again}",
            f"{what}, or write dial = false in [pppoe]",
        )

"""What starts the PPP peer besides this program, so that there would be two sessions."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def second(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each second starter, if this program dials."""
    if not config.pppoe.dial:
        return
    for one in around.ppp.starters:
        what = (
            say("run systemctl disable --now {service}", service=one.service)
            if one.service
            else say("remove that line")
        )
        again = say(", and systemd starts it again whenever ifdown hangs up") if one.again else ""
        yield Finding(
            "ppp-second-starter",
            say(
                "{place}: {text} starts {peer} too{again}",
                place=one.place,
                text=one.text,
                peer=config.pppoe.peer,
                again=again,
            ),
            say("{what}, or write dial = false in [pppoe]", what=what),
        )

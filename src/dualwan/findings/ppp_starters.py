"""Other starters of the PPP peer, which would make a second session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.config import Config
from dualwan.config.ways import section_of
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.ppp.starters import Starter
from dualwan.words import say


def second(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each second starter of a peer that this program dials."""
    for name, session in config.sessions.items():
        if session.dial:
            place = section_of(name, config)
            yield from _starters(session.peer, place, around.ppp_of(name).starters)


def _starters(peer: str, place: str, starters: Iterable[Starter]) -> Iterator[Finding]:
    for one in starters:
        again = say(", and systemd starts it again whenever ifdown hangs up") if one.again else ""
        yield Finding(
            "ppp-second-starter",
            say(
                "{place}: {text} starts {peer} too{again}",
                place=one.place,
                text=one.text,
                peer=peer,
                again=again,
            ),
            say("{what}, or write dial = false in [{section}]", what=_end(one), section=place),
        )


def _end(one: Starter) -> str:
    """Return what ends a starter.

    Without the first line of its stanza, ifup could not read the options that follow, nor any
    interface of that file.
    """
    if one.service:
        return say("run systemctl disable --now {service}", service=one.service)
    if one.stanza:
        return say(
            "take {name} out of the line `auto {name}` or `allow-hotplug {name}`, and leave the "
            "stanza",
            name=one.stanza,
        )
    return say("remove that line")

"""An interface that is configured by an alternative name, which only some programs know."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def named_so(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each interface that is configured by an alternative name (altname).

    Since Debian 13 udev gives most NICs one that follows from the link address, such as
    enx001122334455. ip(8) and rtnetlink accept it in place of the name; nft rules with it match
    nothing.
    """
    for name, own in around.other_names.items():
        yield Finding(
            "device-other-name",
            say(
                "{path}: {name} is only another name of {own} (altname in `ip link`), which "
                "neither nft nor sysctls know",
                path=config.path,
                name=name,
                own=own,
            ),
            say("write {own} in its place", own=own),
        )

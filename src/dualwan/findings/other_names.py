"""An interface in the configuration by a name that only some programs know."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def named_so(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each interface that is configured by another name of its device.

    Since Debian 13 udev gives most NICs one by their link address, such as enx001122334455. ip(8)
    and the kernel's netlink take it for the device's own; rules of nft by it match nothing.
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

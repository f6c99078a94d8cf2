"""Addresses that the router took from what it announces on the LAN itself.

A router that forwards nothing yet (at boot) or no longer (after an ifdown) believes advertisements
on the LAN, its own daemon's too: they are sent to all nodes (RFC 4861 section 4.2). The daemon goes
on announcing the prefix of that address after the line has changed it.
"""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import say


def on_lan(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each address of an interface inside that an advertisement made.

    None for one of the prefix that the WAN has: the line's router is on the same wire then, or the
    prefix is still the line's.
    """
    wan = config.wan.interface
    of_line = {one.interface.network for one in around.addresses if one.device == wan}
    for one in around.addresses:
        if not one.heard or not config.is_inside(one.device):
            continue
        if one.interface.network in of_line:
            continue
        yield Finding(
            "lan-own-advertisement",
            say(
                "{device} has {address} from a router advertisement, perhaps the router's own; "
                "its prefix is announced to the LAN, and used by prefix-from, also after the line "
                "has changed it",
                device=one.device,
                address=one.interface.ip,
            ),
            say(
                "`sysctl net/ipv6/conf/{device}/accept_ra=0`, the same in a file of "
                "/etc/sysctl.d, and `ip -6 address del {address} dev {device}`",
                device=one.device,
                address=one.interface,
            ),
        )

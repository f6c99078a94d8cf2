"""Conflicts with the program that manages the network: default routes, and who runs the WAN."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.config import Config
from dualwan.model.finding import Finding
from dualwan.model.surroundings import Surroundings
from dualwan.words import listed, say

WITHOUT_IFUP = ("systemd-networkd", "NetworkManager")  # these bring interfaces up by themselves


def _deafened(manager: str, device: str) -> str:
    """Return the setting by which ``manager`` takes no default route from ``device``."""
    if manager == "systemd-networkd":
        return say(
            "write IPv6AcceptRA=no into the [Network] section of its .network file, and run "
            "networkctl reload"
        )
    if manager == "NetworkManager":
        return say(
            "set ipv6.never-default of its connection to yes with nmcli, and bring it up again"
        )
    if manager == "dhcpcd":
        return say(
            "write a line 'interface {device}' and a line 'noipv6rs' at the end of "
            "/etc/dhcpcd.conf, and restart dhcpcd",
            device=device,
        )
    return say("remove it (ip -6 route del default dev {device}), and what adds it", device=device)


def second_default(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding for each other IPv6 default route with a metric no higher than the WAN's."""
    wan = config.wan.interface
    ours = [route.metric for route in around.ipv6_defaults if route.device == wan]
    known = {wan, config.prefix_source} - {*config.lan.interfaces} | {wan}
    known |= {around.other_names.get(wan, wan)}  # reported by other_names
    seen = set()
    for route in around.ipv6_defaults:
        if route.device in known or route.device in seen or (ours and route.metric > min(ours)):
            continue
        seen.add(route.device)
        via = say(" via {gateway}", gateway=route.gateway) if route.gateway else ""
        yield Finding(
            "second-ipv6-default",
            say("there is an IPv6 default route by {device}{via}, ", device=route.device, via=via)
            + (
                say("beside the one by the WAN ({wan})", wan=wan)
                if ours
                else say("and none by the WAN ({wan})", wan=wan)
            ),
            _deafened(around.managers.get(route.device, ""), route.device),
        )


def two_managers(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if the WAN has a stanza of interfaces(5), and another manager too."""
    wan = config.wan.interface
    who = around.managers.get(wan, "")
    if who in WITHOUT_IFUP and around.wan_stanza:
        yield Finding(
            "two-managers",
            say(
                "{who} manages the WAN ({wan}), and {wan_stanza} gives it to ifup too",
                who=who,
                wan=wan,
                wan_stanza=around.wan_stanza,
            ),
            say(
                "leave it to one of them: remove the stanza, or {who}'s file for {wan}",
                who=who,
                wan=wan,
            ),
        )


def foreign(config: Config, around: Surroundings) -> Iterator[Finding]:
    """Yield a finding if systemd-networkd removes the routes and rules of other programs."""
    del config
    if around.networkd_foreign:
        yield Finding(
            "networkd-foreign",
            say("systemd-networkd removes routes and rules of other programs, ours among them: ")
            + listed(
                " and ",
                (say("{setting} is on", setting=setting) for setting in around.networkd_foreign),
            ),
            say(
                "set it to no there, or remove the line, and run systemctl restart systemd-networkd"
            ),
        )

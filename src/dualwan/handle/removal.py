"""The warning after a removal that leaves the WAN up, without a firewall."""

from __future__ import annotations

from dualwan import slices
from dualwan.frozen import replace
from dualwan.handle.run import Run, warn
from dualwan.model.observed import Reads
from dualwan.model.plan import Action
from dualwan.words import listed, say

_FORWARDING = {
    "net/ipv4/ip_forward": "IPv4",
    "net/ipv6/conf/all/forwarding": "IPv6",
}


def warn_if_open(run: Run) -> None:
    """Warn if this run removed the firewall while a WAN is up, and whether the kernel forwards.

    The devices are those of the plan: from the configuration, or else from the run state.
    """
    done = run.done
    if done is None:
        return
    closing = {one.name for one in slices.ALL if one.closes}
    if not any(name in closing and step.action is Action.REMOVE for name, step in done.applied):
        return
    before, config = done.plan.observed, run.config
    lan = config.lan.devices if config else ()
    seen = run.host.observe(Reads(devices=tuple(before.links), sysctls=tuple(_FORWARDING)))
    up = [name for name in before.links if seen.is_up(name) and name not in lan]
    forwards = [word for name, word in _FORWARDING.items() if seen.sysctls.get(name) == "1"]
    if not up:
        return
    there = listed(" and ", up)
    sentence = (
        say(
            "{up} is still up, and the machine forwards {forwards} as it did "
            "before: without a firewall the LAN is open to the internet; take the "
            "WAN down, or load another firewall",
            up=there,
            forwards=listed(" and ", forwards),
        )
        if forwards
        else say(
            "{up} is still up: without a firewall the services of this machine are open to the "
            "internet; take the WAN down, or load another firewall",
            up=there,
        )
    )
    warn(run.event, sentence)
    run.done = replace(done, owed=(*done.owed, sentence))

"""Checks of the machine: files and programs of others, sysctls, the LAN, our own state. Pure.

Each finding becomes a failure of the check that names the beginning of its code, and of "others" if
no check does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from dualwan.config import Config
from dualwan.doctor.check import Answer, Case, Check, down, failed, named_otherwise, ok, unchecked
from dualwan.model.finding import Finding
from dualwan.model.plan import Step
from dualwan.model.resources import Sysctl
from dualwan.words import listed, say

# By name of the check: its subject, and the beginnings of the codes of its findings.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pppd-starters": (say("pppd is started once"), ("ppp-second-",)),
    "peer-file": (say("the file of the PPPoE peer"), ("ppp-", "peer-", "pppd-")),
    "hooks": (say("the hooks are there and not shadowed"), ("hook-",)),
    "firewalls": (say("rules of other programs"), ("foreign-", "bridge-", "iptables-")),
    "sysctls": (say("sysctls as configured"), ("sysctl-",)),
    "managers": (
        say("who runs the network"),
        ("networkd-", "two-", "dhcpcd-", "manager-", "internet-"),
    ),
    "lan": (say("the LAN's interfaces"), ("lan-", "device-", "second-ipv6-")),
    "state": (say("our own objects in the kernel"), ("state-", "stale-")),
    "owner-scripts": (say("the owner's scripts in hooks.d"), ("hooksd-",)),
    "pair": (say("keepalived and conntrackd, for the other router"), ("pair-",)),
    "leftovers": (say("what mape.sh and pppoe.sh have left"), ("script-",)),
}
OTHERS = "others"


def group_of(finding: Finding) -> str:
    """Return the name of the check to which ``finding`` belongs."""
    for name, (_, beginnings) in GROUPS.items():
        if finding.code.startswith(beginnings):
            return name
    return OTHERS


def suspects(case: Case) -> str:
    """Return the first other suspect, as the end of a sentence about lost packets; "" for none."""
    found = [one.seen for one in case.findings if group_of(one) in ("firewalls", "leftovers")]
    return say("; {found}", found=found[0]) if found else ""


def _by_findings(case: Case, name: str) -> Answer | None:
    """Return a failure with the findings of the check ``name``; None without any."""
    return _failure([one for one in case.findings if group_of(one) == name and not one.is_notice])


def _failure(found: Sequence[Finding]) -> Answer | None:
    """Return a failure with all that was ``found``; None without any."""
    if not found:
        return None
    more = listed("", (say("; {text}", text=one.text) for one in found[1:]))
    return failed(found[0].seen, found[0].remedy + more)


def _notices(case: Case, name: str) -> str:
    found = [one.text for one in case.findings if group_of(one) == name and one.is_notice]
    return listed("", (say("; {text}", text=text) for text in found))


def _plain(case: Case, name: str) -> Answer:
    return _by_findings(case, name) or ok(say("nothing is in the way"))


def _hooks(case: Case) -> Answer:
    if missing := case.evidence.hooks_missing:
        more = say(", and {count} more", count=len(missing) - 1) if missing[1:] else ""
        return failed(
            missing[0] + more,
            say(
                "install the package again, from its file: apt install --reinstall "
                "./dualwan-hook_VERSION_all.deb"
            ),
        )
    return _by_findings(case, "hooks") or ok(say("all are there"))


def _pending(case: Case) -> tuple[Step, ...]:
    return tuple(step for item in case.plan.slices for step in item.changes)


def _sysctls(case: Case) -> Answer:
    steps = [step for step in _pending(case) if isinstance(step.resource, Sysctl)]
    if steps and case.plan.state.wanted:
        return failed(
            listed("; ", (say("{text} is pending", text=step.text) for step in steps)),
            say("`dualwan-hook` sets them; look in /etc/sysctl.d for what sets them otherwise"),
        )
    return _by_findings(case, "sysctls") or ok(say("as configured") + _notices(case, "sysctls"))


def _lan(case: Case) -> Answer:
    listed_in = {
        name: section
        for section, interfaces in (
            ("lan", case.config.lan.interfaces),
            *((zone.section, zone.interfaces) for zone in case.config.zones),
        )
        for name in interfaces
        if "*" not in name
    }
    for name, section in listed_in.items():
        seen = case.evidence.devices.get(name)
        if seen is None:
            return named_otherwise(case, name) or failed(
                say("there is no interface {name}", name=name),
                say(
                    "correct interfaces of [{section}] (`ip link` lists those that there are)",
                    section=section,
                ),
            )
        if not seen.up:
            return down(name)
    if found := _by_findings(case, "lan"):
        return found
    names = [name for name, section in listed_in.items() if section == "lan"]
    with_ipv6 = [name for name in names if _has_ipv6(case, name)]
    ipv6 = say("no global IPv6 address, so the LAN has IPv4 only")
    if with_ipv6:
        ipv6 = say("IPv6 on {with_ipv6}", with_ipv6=", ".join(with_ipv6))
    return ok(
        say("{names} there; {ipv6}", names=", ".join(names), ipv6=ipv6) + _notices(case, "lan")
    )


def _has_ipv6(case: Case, name: str) -> bool:
    return any(
        ":" in one.address and not one.address.startswith("fe80:")
        for one in case.evidence.devices[name].addresses
    )


def _state(case: Case) -> Answer:
    steps = [step for step in _pending(case) if not isinstance(step.resource, Sysctl)]
    if case.plan.unobserved:
        return unchecked(listed("; ", case.plan.unobserved))
    if steps and not case.plan.state.wanted:
        wan = case.config.wan.interface
        return failed(
            say("the router is not up"),
            say("bring it up: ifup {wan}, or `dualwan-hook`", wan=wan),
        )
    if steps:
        rest = say(" and {count} more", count=len(steps) - 1) if steps[1:] else ""
        return failed(
            say(
                "{sign} {text}{rest} is pending", sign=steps[0].sign, text=steps[0].text, rest=rest
            ),
            say(
                "`dualwan-hook` puts it right; if it goes again, look for the program "
                "that changes it"
            ),
        )
    for sentence in case.plan.problems:
        return failed(sentence)
    return _by_findings(case, "state") or ok(say("as configured") + _notices(case, "state"))


def _owner_scripts(case: Case) -> Answer:
    """Fail for a script that is not run or fails, although the router works without it."""
    mine = [one for one in case.findings if group_of(one) == "owner-scripts"]
    if wrong := _failure([one for one in mine if one.code != "hooksd-mode"]):
        return wrong
    off = listed("", (say("; {text}", text=one.text) for one in mine))
    return ok(say("none has failed{off}", off=off))


def _pair(case: Case) -> Answer:
    """Fail if a program that a takeover needs is missing, although the router works now."""
    return _failure([one for one in case.findings if group_of(one) == "pair"]) or ok(
        say("keepalived gives the role, and what it needs is there")
    )


_LOOKS = {
    "pair": _pair,
    "hooks": _hooks,
    "owner-scripts": _owner_scripts,
    "sysctls": _sysctls,
    "lan": _lan,
    "state": _state,
}
_APPLIES: dict[str, Callable[[Config], bool]] = {"pair": lambda config: config.router.redundant}
CHECKS: tuple[Check, ...] = (
    *(
        Check(
            name,
            what,
            _LOOKS.get(name, partial(_plain, name=name)),
            applies=_APPLIES.get(name, lambda _: True),
            of_standby=True,
        )
        for name, (what, _) in GROUPS.items()
    ),
    Check(
        OTHERS,
        say("other programs on this machine"),
        partial(_plain, name=OTHERS),
        of_standby=True,
    ),
)

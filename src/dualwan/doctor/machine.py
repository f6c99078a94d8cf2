"""Checks of the machine: files and programs of others, sysctls, the LAN, our own state. Pure.

Findings become failures by themselves: each belongs to the check that names the beginning of
its code, and to "others" if none does.
"""

from __future__ import annotations

from functools import partial

from dualwan.doctor.check import Answer, Case, Check, failed, ok, unchecked
from dualwan.model.finding import Finding
from dualwan.model.plan import Step
from dualwan.model.resources import Sysctl

# By check: what it looks at, and how the codes of its findings begin.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pppd-starters": ("pppd is started once", ("ppp-second-",)),
    "peer-file": ("the file of the PPPoE peer", ("ppp-", "peer-", "pppd-")),
    "hooks": ("the hooks are there and not shadowed", ("hook-",)),
    "firewalls": ("rules of other programs", ("foreign-", "bridge-", "iptables-")),
    "sysctls": ("sysctls as configured", ("sysctl-",)),
    "managers": ("who runs the network", ("networkd-", "two-", "dhcpcd-", "manager-")),
    "lan": ("the LAN's interfaces", ("lan-", "device-", "second-ipv6-")),
    "state": ("our own objects in the kernel", ("state-", "stale-")),
    "owner-scripts": ("the owner's scripts in hooks.d", ("hooksd-",)),
    "leftovers": ("what mape.sh and pppoe.sh have left", ("script-",)),
}
OTHERS = "others"


def group_of(finding: Finding) -> str:
    """Return the name of the check that a finding belongs to."""
    for name, (_, beginnings) in GROUPS.items():
        if finding.code.startswith(beginnings):
            return name
    return OTHERS


def suspects(case: Case) -> str:
    """Return what else may keep packets away, to be added to a sentence; "" for nothing."""
    found = [one.seen for one in case.findings if group_of(one) in ("firewalls", "leftovers")]
    return f"; {found[0]}" if found else ""


def _by_findings(case: Case, name: str) -> Answer | None:
    """Return a failure with the findings of the check ``name``; None without any."""
    found = [one for one in case.findings if group_of(one) == name and not one.is_notice]
    if not found:
        return None
    more = "".join(f"; {one.text}" for one in found[1:])
    return failed(found[0].seen, found[0].remedy + more)


def _notices(case: Case, name: str) -> str:
    found = [one.text for one in case.findings if group_of(one) == name and one.is_notice]
    return "".join(f"; {text}" for text in found)


def _plain(case: Case, name: str) -> Answer:
    return _by_findings(case, name) or ok("nothing is in the way")


def _hooks(case: Case) -> Answer:
    if missing := case.evidence.hooks_missing:
        more = f", and {len(missing) - 1} more" if missing[1:] else ""
        return failed(
            missing[0] + more, "install the package again: apt install --reinstall dualwan-hook"
        )
    return _by_findings(case, "hooks") or ok("all are there")


def _pending(case: Case) -> tuple[Step, ...]:
    return tuple(step for item in case.plan.slices for step in item.changes)


def _sysctls(case: Case) -> Answer:
    steps = [step for step in _pending(case) if isinstance(step.resource, Sysctl)]
    if steps and case.plan.state.wanted:
        return failed(
            "; ".join(f"{step.text} is pending" for step in steps),
            "`dualwan-hook` sets them; look in /etc/sysctl.d for what sets them otherwise",
        )
    return _by_findings(case, "sysctls") or ok("as configured")


def _lan(case: Case) -> Answer:
    names = [name for name in case.config.lan.interfaces if "*" not in name]
    for name in names:
        seen = case.evidence.devices.get(name)
        if seen is None:
            return failed(
                f"there is no interface {name}",
                "correct [lan] interfaces (`ip link` lists those that there are)",
            )
        if not seen.up:
            return failed(f"{name} is down", f"bring it up: ifup {name}")
    if found := _by_findings(case, "lan"):
        return found
    with_ipv6 = [name for name in names if _has_ipv6(case, name)]
    ipv6 = "no global IPv6 address, so the LAN has IPv4 only"
    if with_ipv6:
        ipv6 = f"IPv6 on {', '.join(with_ipv6)}"
    return ok(f"{', '.join(names)} there; {ipv6}" + _notices(case, "lan"))


def _has_ipv6(case: Case, name: str) -> bool:
    return any(
        ":" in one.address and not one.address.startswith("fe80:")
        for one in case.evidence.devices[name].addresses
    )


def _state(case: Case) -> Answer:
    steps = [step for step in _pending(case) if not isinstance(step.resource, Sysctl)]
    if case.plan.unobserved:
        return unchecked("; ".join(case.plan.unobserved))
    if steps and not case.plan.state.wanted:
        wan = case.config.wan.interface
        return failed("the router was taken down", f"bring it up: ifup {wan}, or `dualwan-hook`")
    if steps:
        rest = f" and {len(steps) - 1} more" if steps[1:] else ""
        return failed(
            f"{steps[0].sign} {steps[0].text}{rest} is pending",
            "`dualwan-hook` puts it right; if it goes again, look for the program that changes it",
        )
    for sentence in case.plan.problems:
        return failed(sentence)
    return _by_findings(case, "state") or ok("as configured" + _notices(case, "state"))


def _owner_scripts(case: Case) -> Answer:
    """Fail for a script that does not do its work, though the router works without it."""
    mine = [one for one in case.findings if group_of(one) == "owner-scripts"]
    wrong = [one for one in mine if one.code != "hooksd-mode"]
    if wrong:
        more = "".join(f"; {one.text}" for one in wrong[1:])
        return failed(wrong[0].seen, wrong[0].remedy + more)
    off = "".join(f"; {one.text}" for one in mine)
    return ok(f"none has failed{off}")


_LOOKS = {
    "hooks": _hooks,
    "owner-scripts": _owner_scripts,
    "sysctls": _sysctls,
    "lan": _lan,
    "state": _state,
}
CHECKS: tuple[Check, ...] = (
    *(
        Check(name, what, _LOOKS.get(name, partial(_plain, name=name)))
        for name, (what, _) in GROUPS.items()
    ),
    Check(OTHERS, "other programs on this machine", partial(_plain, name=OTHERS)),
)

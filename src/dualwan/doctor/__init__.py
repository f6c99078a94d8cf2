"""The doctor: what is wrong with this line or machine, and what to do. Pure.

The registry has the checks in the order in which a line fails, so the first one that fails names
the cause. A new check is a function, its test and a line in ``ALL``.
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.doctor import line, machine, pair, pppoe, softwire, ways
from dualwan.doctor.check import Answer, Case, Check, Outcome, Result
from dualwan.words import say

__all__ = ["ALL", "Case", "Outcome", "Result", "diagnose", "is_well"]

ALL: tuple[Check, ...] = (
    Check("device", say("the WAN's device and its carrier"), line.device, of_standby=True),
    Check(
        "advertisement",
        say("router advertisement and prefix"),
        line.advertisement,
        ("device",),
        of_standby=True,
    ),
    Check(
        "provider",
        say("a rule covers the prefix"),
        line.provider,
        ("advertisement",),
        of_standby=True,
    ),
    Check(
        "role",
        say("its role, of two routers"),
        pair.role,
        ("device",),
        pair.is_redundant,
        of_standby=True,
    ),
    Check("ce", say("CE address on the WAN, answered for by this machine"), line.ce, ("provider",)),
    Check("ipv6-route", say("IPv6 default route"), line.ipv6_route, ("advertisement",)),
    Check("border-relay", say("border relay reachable"), softwire.relay, ("ce", "ipv6-route")),
    Check(
        "tunnel", say("packets come back through the tunnel"), softwire.tunnel, ("border-relay",)
    ),
    Check("ipv4", say("IPv4 through MAP-E"), softwire.ipv4, ("tunnel",)),
    Check("mtu", say("MTU through the tunnel"), softwire.mtu, ("tunnel",)),
    Check("ports", say("every block of ports comes back"), softwire.ports, ("tunnel",)),
    Check(
        "pppoe-discovery",
        say("PPPoE discovery answered"),
        pppoe.discovery,
        ("device",),
        of_standby=True,
    ),
    Check("pppoe-login", say("PPPoE user and password"), pppoe.login, ("pppoe-discovery",)),
    Check("pppoe-session", say("PPPoE session"), pppoe.session, ("pppoe-login",)),
    ways.CHECK,
    *machine.CHECKS,
)


def diagnose(case: Case) -> tuple[Outcome, ...]:
    """Return the outcome of each check, in the order of the registry.

    The check of further ways is made once for each of them.
    """
    checks: Iterable[Check] = (one for one in ALL if one.applies(case.config))
    if case.stands_by:
        checks = pair.of_standby(checks)
    found: dict[str, Outcome] = {}
    for check in checks:
        for one in ways.of_each(check, case.config) if check is ways.CHECK else (check,):
            found[one.name] = _outcome(one, case, found)
    return tuple(found.values())


def _outcome(check: Check, case: Case, before: dict[str, Outcome]) -> Outcome:
    for name in check.needs:
        other = before[name]
        if other.answer.result in (Result.FAILED, Result.UNCHECKED):
            first = other.because or name
            seen = other.answer.seen
            if not other.because:
                has_failed = other.answer.result is Result.FAILED
                seen = (
                    say("{check} failed", check=first)
                    if has_failed
                    else say("{check} was not checked", check=first)
                )
            return Outcome(check, Answer(Result.UNCHECKED, seen), first)
    return Outcome(check, check.look(case))


def is_well(outcomes: tuple[Outcome, ...]) -> bool:
    """Whether every check that applies was made, and none has failed."""
    return all(one.answer.result in (Result.OK, Result.NOT_APPLICABLE) for one in outcomes)

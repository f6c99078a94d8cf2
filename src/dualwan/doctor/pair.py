"""Checks of one of two routers that share a line, and the checks of a standby. Pure.

A standby has no CE, no way and no session by intent. It is checked for what it needs to take over:
a live line, a configuration that fits it, and keepalived, which would tell it to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from dualwan.config import Config
from dualwan.doctor import line
from dualwan.doctor.check import Answer, Case, Check, failed, ok
from dualwan.frozen import replace
from dualwan.result import session_address
from dualwan.words import say


def is_redundant(config: Config) -> bool:
    """Whether there is another router."""
    return config.router.redundant


def of_standby(checks: Iterable[Check]) -> Iterator[Check]:
    """Yield those of ``checks`` that a standby makes, some of them by another function."""
    for one in checks:
        if one.of_standby:
            yield one._replace(look=_LOOKS.get(one.name, one.look))


def role(case: Case) -> Answer:
    """Whether the machine has the state of its role, and of a standby, whether the other is up."""
    if not case.stands_by:
        return _unfinished(case, say("active")) or ok(say("active"))
    if not case.plan.state.role.asked:
        return failed(
            say("standby since boot: nobody has told this router its role"),
            say("keepalived does, by notify_backup and notify_master: `journalctl -u keepalived`"),
        )
    return _not_hung_up(case) or _unfinished(case, say("standby")) or _other(case)


def _unfinished(case: Case, now: str) -> Answer | None:
    if case.plan.state.role.followed:
        return None
    return failed(
        say("the change to {role} was not done to the end", role=now),
        say("`dualwan-hook` does the rest; `journalctl -t dualwan-hook` says what was in the way"),
    )


def _not_hung_up(case: Case) -> Answer | None:
    """Return a failure if a session that we dial is up, or its pppd runs and may bring it up."""
    remedy = say("`dualwan-hook role standby` hangs up; look for what else dials")
    for name, session in case.config.sessions.items():
        if session.dial and (address := session_address(case.plan, name)):
            seen = say(
                "standby, and {interface} has {address}, so its provider knows two routers",
                interface=session.interface,
                address=address,
            )
            return failed(seen, remedy)
        if session.dial and case.dialling(name):
            return failed(
                say("standby, and a pppd of the peer {peer} runs", peer=session.peer), remedy
            )
    return None


def _other(case: Case) -> Answer:
    """Return whether another machine has the CE, as far as the line could be heard."""
    ready = say("this one is closed, and takes over when it is told to")
    heard, softwire, wan = case.evidence.heard, case.softwire, case.config.wan.interface
    if heard is None or softwire is None:
        return ok(say("standby: the other router is to be active; {ready}", ready=ready))
    if heard.claimed:
        return ok(
            say(
                "standby: the other router is active ({claimed} answers for the CE {ce}); {ready}",
                claimed=", ".join(heard.claimed),
                ce=softwire.ce,
                ready=ready,
            )
        )
    return failed(
        say(
            "standby, and nobody else answers for the CE {ce} on {wan}: no router of this line is "
            "active",
            ce=softwire.ce,
            wan=wan,
        ),
        say(
            "look at the other router (`dualwan-hook doctor` there), and at keepalived of both "
            "(`journalctl -u keepalived`)"
        ),
    )


def _announced(case: Case) -> Answer:
    """Whether a router advertises a prefix; a forwarding kernel may have taken no address of it."""
    if case.evidence.prefixes or not (prefixes := _prefixes(case)):
        return line.advertisement(case)
    return ok(
        say(
            "a router announces {prefixes}; the kernel takes an address of it at the takeover",
            prefixes=", ".join(prefixes),
        )
    )


def _provider(case: Case) -> Answer:
    """Check as the active router does, but with the prefixes that are advertised."""
    seen = replace(case.evidence, prefixes=_prefixes(case))
    return line.provider(case._replace(evidence=seen))


def _prefixes(case: Case) -> tuple[str, ...]:
    heard = case.evidence.heard
    advertised = heard.advertisements if heard else ()
    announced = dict.fromkeys(prefix for one in advertised for prefix in one.prefixes)
    return case.evidence.prefixes or tuple(announced)


_LOOKS: dict[str, Callable[[Case], Answer]] = {"advertisement": _announced, "provider": _provider}

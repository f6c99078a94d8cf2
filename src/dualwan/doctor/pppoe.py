"""Checks of PPPoE: discovery, user and password, session. Pure."""

from __future__ import annotations

import re

from dualwan.config.forwards import PPPOE
from dualwan.config.ways import section_of
from dualwan.doctor.check import Answer, Case, failed, not_applicable, ok, unchecked
from dualwan.result import session_address
from dualwan.words import say

_REFUSED = re.compile(
    r"authentication failed|failed to authenticate|no auth is possible|peer refused to auth",
    re.IGNORECASE,
)
_ACCEPTED = re.compile(r"authentication succeeded|local +ip address", re.IGNORECASE)
# Lines of a pppd that accepts calls: it has judged the login of its own caller.
_JUDGED = re.compile(r"\bpeer (authentication|\S+ (failed|authenticated))", re.IGNORECASE)
_PAPERS = say("correct user and password in the peer's file and in /etc/ppp/{chap,pap}-secrets")


def _unused(case: Case, name: str = PPPOE) -> bool:
    """Whether the session has no address and no pppd, and we do not dial it."""
    address = session_address(case.plan, name)
    return not (address or case.config.sessions[name].dial or case.dialling(name))


def discovery(case: Case) -> Answer:
    """Whether an access concentrator answers a discovery (RFC 2516); not sent with a session."""
    if case.session:
        return ok(say("a session is up"))
    if _unused(case):
        return not_applicable(say("PPPoE is not dialled ([pppoe] dial = false, and no pppd runs)"))
    heard, wan = case.evidence.heard, case.config.wan.interface
    if heard is None:
        return unchecked(case.evidence.unheard)
    if heard.offers:
        return ok(say("{offers} answers on {wan}", offers=", ".join(heard.offers), wan=wan))
    return failed(
        say("no access concentrator answers a PPPoE discovery on {wan}", wan=wan),
        say(
            "look whether the ONU leads here, whether a home gateway passes PPPoE "
            "(its PPPoE bridge is on), and whether the contract has PPPoE"
        ),
    )


def login(case: Case) -> Answer:
    """Whether the provider accepts user and password, by the last lines of pppd's log."""
    if case.session:
        return ok(say("a session is up"))
    if _unused(case):
        return not_applicable(say("PPPoE is not dialled"))
    log = case.evidence.ppp_log
    if log is None:
        return unchecked(say("pppd's log cannot be read: run this as root"))
    for text in reversed([line for line in log if not _JUDGED.search(line)]):
        if _ACCEPTED.search(text):
            return ok(say("the last one was accepted"))
        if _REFUSED.search(text):
            return failed(
                say("the provider refuses the login; pppd says: {text}", text=text), _PAPERS
            )
    return ok(say("pppd's log tells of no refusal"))


def session(case: Case) -> Answer:
    """Whether the first session is up with an address."""
    return of_way(case, PPPOE)


def of_way(case: Case, name: str) -> Answer:
    """Whether the session of the way ``name`` is up with an address."""
    pppoe, key = case.config.sessions[name], section_of(name, case.config)
    if address := session_address(case.plan, name):
        return ok(say("{interface} has {session}", interface=pppoe.interface, session=address))
    if _unused(case, name):
        return not_applicable(say("PPPoE is not dialled"))
    if not case.peer_there(name):
        return failed(
            say(
                "there is no /etc/ppp/peers/{peer} ([{section}] peer)",
                peer=pppoe.peer,
                section=key,
            ),
            say("write it with pppoeconf, or name another peer"),
        )
    if not case.dialling(name):
        return failed(
            say("no pppd of the peer {peer} runs", peer=pppoe.peer),
            say("dial with `dualwan-hook`, or pon {peer}", peer=pppoe.peer),
        )
    last = (
        say("; its last word: {ppp_log}", ppp_log=case.evidence.ppp_log[-1])
        if case.evidence.ppp_log and len(case.config.sessions) == 1  # whose, otherwise?
        else ""
    )
    return failed(
        say(
            "pppd runs, and {interface} has no address{last}", interface=pppoe.interface, last=last
        ),
        say("journalctl -b -t pppd has the rest"),
    )

"""Checks of PPPoE: discovery, user and password, session. Pure."""

from __future__ import annotations

import re

from dualwan.doctor.check import Answer, Case, failed, not_applicable, ok, unchecked

_REFUSED = re.compile(
    r"authentication failed|failed to authenticate|no auth is possible|peer refused to auth",
    re.IGNORECASE,
)
_ACCEPTED = re.compile(r"authentication succeeded|local +ip address", re.IGNORECASE)
# Of a pppd that others dial into: it has asked for the login, and judged it.
_JUDGED = re.compile(r"\bpeer (authentication|\S+ (failed|authenticated))", re.IGNORECASE)
_PAPERS = "correct user and password in the peer's file and in /etc/ppp/{chap,pap}-secrets"


def _unused(case: Case) -> bool:
    """Whether nobody dials: not we, and no pppd of the peer runs."""
    return not (case.session or case.config.pppoe.dial or case.evidence.dialling)


def discovery(case: Case) -> Answer:
    """Whether an access concentrator answers a discovery (RFC 2516); asked without a session."""
    if case.session:
        return ok("a session is up")
    if _unused(case):
        return not_applicable("PPPoE is not dialled ([pppoe] dial = false, and no pppd runs)")
    heard, wan = case.evidence.heard, case.config.wan.interface
    if heard is None:
        return unchecked(case.evidence.unheard)
    if heard.offers:
        return ok(f"{', '.join(heard.offers)} answers on {wan}")
    return failed(
        f"no access concentrator answers a PPPoE discovery on {wan}",
        "look whether the ONU leads here, whether a home gateway passes PPPoE (its PPPoE bridge "
        "is on), and whether the contract has PPPoE",
    )


def login(case: Case) -> Answer:
    """Whether the provider takes user and password, by the last lines of pppd's log."""
    if case.session:
        return ok("a session is up")
    if _unused(case):
        return not_applicable("PPPoE is not dialled")
    log = case.evidence.ppp_log
    if log is None:
        return unchecked("pppd's log cannot be read: run this as root")
    for text in reversed([line for line in log if not _JUDGED.search(line)]):
        if _ACCEPTED.search(text):
            return ok("the last one was accepted")
        if _REFUSED.search(text):
            return failed(f"the provider refuses the login; pppd says: {text}", _PAPERS)
    return ok("pppd's log tells of no refusal")


def session(case: Case) -> Answer:
    """Whether a session is up with an address."""
    pppoe = case.config.pppoe
    if case.session:
        return ok(f"{pppoe.interface} has {case.session}")
    if _unused(case):
        return not_applicable("PPPoE is not dialled")
    if not case.evidence.peer_there:
        return failed(
            f"there is no /etc/ppp/peers/{pppoe.peer} ([pppoe] peer)",
            "write it with pppoeconf, or name another peer",
        )
    if not case.evidence.dialling:
        return failed(
            f"no pppd of the peer {pppoe.peer} runs",
            f"dial with `dualwan-hook`, or pon {pppoe.peer}",
        )
    last = f"; its last word: {case.evidence.ppp_log[-1]}" if case.evidence.ppp_log else ""
    return failed(
        f"pppd runs, and {pppoe.interface} has no address{last}",
        "journalctl -b -t pppd has the rest",
    )

"""A check as a value, its input, and its outcome. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from dualwan.config import Config
from dualwan.config.forwards import PPPOE
from dualwan.line.role import stands_by
from dualwan.mape.table import RuleTable
from dualwan.model.evidence import Evidence, OfWay
from dualwan.model.finding import Finding
from dualwan.model.way import Softwire
from dualwan.result import Plan, session_address
from dualwan.words import say


class Result(Enum):
    """The result of a check. UNCHECKED: another check has failed before, or rights are missing."""

    OK = "ok"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    UNCHECKED = "not checked"


class Answer(NamedTuple):
    """The answer of a check. seen: a sentence; remedy: what to do, "" if ``seen`` says it."""

    result: Result
    seen: str
    remedy: str = ""


class Case(NamedTuple):
    """The input of all checks.

    plan: of Event.APPLY. findings: obstacles outside our own state. rules: the table of MAP-E
    rules, even if the configuration does not use it; None if it cannot be read.
    """

    config: Config
    plan: Plan
    evidence: Evidence
    findings: Sequence[Finding] = ()
    rules: RuleTable | None = None

    @property
    def softwire(self) -> Softwire | None:
        """The softwire of the plan."""
        return self.plan.line.softwire

    @property
    def session(self) -> str:
        """The address of the PPP session, "" without one."""
        return session_address(self.plan)

    @property
    def stands_by(self) -> bool:
        """Whether the other of two routers is the active one."""
        return stands_by(self.config, self.plan.state)

    def dialling(self, name: str) -> bool:
        """Whether a pppd runs for the session of the way ``name``."""
        if name == PPPOE:
            return self.evidence.dialling
        return self.evidence.ways.get(name, OfWay()).dialling

    def peer_there(self, name: str) -> bool:
        """Whether there is the file of the peer of the way ``name``."""
        if name == PPPOE:
            return self.evidence.peer_there
        return self.evidence.ways.get(name, OfWay()).peer_there


class Check(NamedTuple):
    """A check.

    name: stable, for programs. what: the subject, for a person. needs: names of the checks that
    must succeed before this one means anything. applies: whether the configuration makes it useful;
    if not, it is not shown. of_standby: whether it is made on a standby router too.
    """

    name: str
    what: str
    look: Callable[[Case], Answer]
    needs: tuple[str, ...] = ()
    applies: Callable[[Config], bool] = lambda _config: True
    of_standby: bool = False


class Outcome(NamedTuple):
    """A check and its answer. because: the name of the failed check for which it was not made."""

    check: Check
    answer: Answer
    because: str = ""


def ok(seen: str) -> Answer:
    """Return that all is well."""
    return Answer(Result.OK, seen)


def failed(seen: str, remedy: str = "") -> Answer:
    """Return that something is wrong."""
    return Answer(Result.FAILED, seen, remedy)


def not_applicable(seen: str) -> Answer:
    """Return that there is nothing to check here."""
    return Answer(Result.NOT_APPLICABLE, seen)


def unchecked(seen: str) -> Answer:
    """Return that the subject could not be observed."""
    return Answer(Result.UNCHECKED, seen)


def down(name: str) -> Answer:
    """Return that the interface ``name`` is down.

    ifup alone does nothing where it has brought the interface up before.
    """
    return failed(
        say("{name} is down", name=name),
        say("bring it up: `ifdown {name}; ifup {name}`, or by the program that runs it", name=name),
    )


def named_otherwise(case: Case, device: str) -> Answer | None:
    """Return a failure if ``device`` is only an alternative name of an existing device."""
    for one in case.findings:
        if one.code == "device-other-name" and f": {device} " in one.seen:
            return failed(one.seen, one.remedy)
    return None

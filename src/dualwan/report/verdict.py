"""The first line of the status: whether the router works, and if not, the first cause. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dualwan.config import Config
from dualwan.line.role import role_of
from dualwan.model.finding import Finding
from dualwan.model.way import Kind, of_kind
from dualwan.report.terminal import PLAIN, Line, Tone, render
from dualwan.result import Plan, session_address
from dualwan.words import say


class Verdict(NamedTuple):
    """An answer to "does it work", by the state of the machine, without asking the line.

    works: whether the machine has the state of its role; None if too little could be observed.
    cause: why not, "" if it works. role: of two routers, else "".
    """

    works: bool | None
    cause: str = ""
    role: str = ""

    @property
    def text(self) -> str:
        """The verdict as a line of text."""
        return render([self.line], PLAIN)

    @property
    def line(self) -> Line:
        """The verdict as a line of a report."""
        if self.works and self.role == "standby":
            return Line(
                say("standby"),
                say("the other router is the active one; this one is closed, and ready"),
                Tone.GOOD,
            )
        if self.works:
            return Line(
                say("works"),
                say("as far as the machine shows; `dualwan-hook doctor` asks the line too"),
                Tone.GOOD,
            )
        if self.works is None:
            return Line(say("unknown"), self.cause, Tone.DOUBT, coded=True)
        return Line(say("broken"), self.cause, Tone.BAD, coded=True)


def verdict(config: Config, plan: Plan, findings: Sequence[Finding] = ()) -> Verdict:
    """Return the verdict by a ``plan`` of Event.APPLY; causes in the order of failing."""
    role = role_of(config, plan.state)
    standby = role == "standby"
    for cause in _causes_of_standby(plan) if standby else _causes(config, plan):
        return Verdict(False, cause, role)
    for sentence in plan.unobserved:
        return Verdict(None, sentence, role)
    obstacles = (one.text for one in findings if _is_obstacle(one, standby=standby))
    for sentence in (*plan.warnings, *obstacles):
        return Verdict(False, sentence, role)
    return Verdict(True, role=role)


def _is_obstacle(finding: Finding, *, standby: bool) -> bool:
    """Whether ``finding`` keeps the router from its work, or a standby from being ready for it."""
    return not finding.is_notice or (standby and finding.code.startswith("pair-"))


def _causes_of_standby(plan: Plan) -> Iterator[str]:
    """Yield reasons why a standby is not closed, or not ready."""
    yield from plan.problems
    yield from _differences(plan)
    if not plan.state.role.followed:
        yield say("it stands by, and a session may still be there: `dualwan-hook` hangs up")


def _causes(config: Config, plan: Plan) -> Iterator[str]:
    seen, wan = plan.observed, config.wan.interface
    down = [way.device for way in of_kind(plan.line.ways, Kind.SOFTWIRE)]
    if not plan.unobserved and not plan.state.wanted and not any(map(seen.is_up, down)):
        yield say("it is not up: `ifup {wan}` or `dualwan-hook` brings it up", wan=wan)
    yield from plan.problems
    if not seen.ipv6_default:
        yield say(
            "{wan} has no IPv6 default route: the line has announced none, or it was lost", wan=wan
        )
    if plan.state.health.broken:
        yield say("MAP-E does not answer the probes, so the LAN takes PPPoE")
    yield from _differences(plan)
    for name, session in config.sessions.items():
        if session.dial and not session_address(plan, name):
            yield say(
                "{interface} has no address: `journalctl -b -t pppd` may say why",
                interface=session.interface,
            )


def _differences(plan: Plan) -> Iterator[str]:
    """Yield a sentence for each difference from the configuration in an observed slice."""
    for item in plan.slices:
        for step in () if item.unobserved else item.changes:
            yield say(
                "{name} is not as configured ({sign} {text}): `dualwan-hook` puts it right",
                name=item.name,
                sign=step.sign,
                text=step.text,
            )

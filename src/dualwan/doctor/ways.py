"""The check of the ways besides MAP-E and the first PPPoE session. Pure."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.doctor.check import Answer, Case, failed, ok
from dualwan.model.way import Kind, Way
from dualwan.words import listed, say


def some(config: Config) -> bool:
    """Whether there are any."""
    return bool(config.further)


def carry(case: Case) -> Answer:
    """Whether each further way that is to be there has its address."""
    seen = case.plan.observed
    mine = [way for way in case.plan.line.ways if way.name in case.config.ways]
    without = [
        way
        for way in mine
        if not (seen.is_up(way.device) and seen.address_of(way.device)) and _is_wanted(case, way)
    ]
    if not without:
        return ok(listed(", ", (_with_address(case, way) for way in mine)))
    return failed(
        listed(
            "; ",
            (
                say("{way} has no address on {device}", way=way.name, device=way.device)
                for way in without
            ),
        ),
        say("journalctl -b -t pppd has the rest")
        if all(way.kind is Kind.PPP for way in without)
        else say("`dualwan-hook` brings them up, or says what is in the way"),
    )


def _is_wanted(case: Case, way: Way) -> bool:
    session = case.config.sessions.get(way.name)
    return session is None or session.dial


def _with_address(case: Case, way: Way) -> str:
    address = case.plan.observed.address_of(way.device)
    return say("{way} has {address}", way=way.name, address=address or say("no address"))

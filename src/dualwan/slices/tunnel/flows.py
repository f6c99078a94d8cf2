"""Flows of softwires that cannot continue, and the notes by which they are recognized. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.frozen import replace
from dualwan.model.plan import Action, Step
from dualwan.model.resources import MAIN, Flows, Route
from dualwan.model.state import RunState
from dualwan.model.way import Kind, Way, of_kind
from dualwan.slices.slice import Situation


def stale(at: Situation) -> set[str]:
    """Return the IPv4 addresses whose flows cannot continue after a change of the prefix.

    A new CE may have the same IPv4 address with another port set. Flows on ports of the old set
    would be dropped for as long as their packets keep the conntrack entry alive. So would flows of
    a way that is no longer configured: another way with its address has other marks.
    """
    names = [way.name for way in of_kind(at.ways, Kind.SOFTWIRE)]
    found = {had for name, had in at.state.softwires.items() if name not in names}
    for way in of_kind(at.ways, Kind.SOFTWIRE):
        if way.softwire is None:
            continue
        had = {at.state.softwires.get(way.name, "")} - {""}
        moved = at.state.ces.get(way.name, "") not in {"", str(way.softwire.ce)}
        found |= had if moved else had - {way.address}
    return found


def forsaken(at: Situation, steps: Iterable[Step]) -> tuple[Step, ...]:
    """Return the step that deletes the default way's flows of UDP at a failover, if this is one.

    It is if ``steps`` give the way's default route a worse metric, or add that of a way that stands
    in while it has one. What goes on to send from one port, as a VPN or a telephone does, keeps its
    conntrack entry alive, and so would stay on a way that carries nothing. A TCP connection may
    outlast that, and a program opens another one by itself.
    """
    way = next((one for one in of_kind(at.ways, Kind.SOFTWIRE) if one.default), None)
    if way is None or way.softwire is None or not way.softwire.translated:
        return ()
    routes = [
        (step.action, step.resource)
        for step in steps
        if isinstance(step.resource, Route) and step.resource.table == MAIN
    ]
    best = Route(MAIN, way.device)
    added = {route for action, route in routes if action is Action.ADD}
    others = {one.device for one in at.ways if one.stands_in}
    now = {route for route in at.observed.routes if route.table == MAIN}
    loses = (Action.REMOVE, best) in routes and any(
        one.device == way.device and one.metric for one in added
    )
    has_lost = best not in now and any(one.device == way.device for one in now)
    joined = has_lost and any(one.device in others and not one.destination for one in added)
    return (Step(Action.REMOVE, Flows(way.address, udp=True)),) if loses or joined else ()


def noted(state: RunState, ways: Iterable[Way], made: Iterable[Way]) -> RunState:
    """Return ``state`` with the ends of the softwires ``made``; the others keep the noted ones.

    ``ways``: all that are configured; notes of others are dropped.
    """
    names = {way.name for way in of_kind(ways, Kind.SOFTWIRE)}
    softwires = {name: had for name, had in state.softwires.items() if name in names}
    ces = {name: had for name, had in state.ces.items() if name in names}
    for way in made:
        if way.softwire:
            softwires[way.name], ces[way.name] = str(way.softwire.ipv4), str(way.softwire.ce)
    return replace(state, softwires=softwires, ces=ces)

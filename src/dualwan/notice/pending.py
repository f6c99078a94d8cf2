"""Queued changes for the owner's scripts, and the notices made of them. Pure.

A change that was queued and not delivered is merged with later ones: each way has the state that
the scripts know and the latest state. So an intermediate state is never delivered, and at most one
notice of each way waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dualwan.frozen import dataclass, field
from dualwan.notice.router import Ranges, Router, WayState

UP, DOWN, LOST, BACK, ADDRESS = "up", "down", "lost", "back", "address"  # of a way
FAILOVER, FAILBACK, CHANGE = "failover", "failback", "change"
EVENTS = (UP, DOWN, LOST, BACK, ADDRESS, FAILOVER, FAILBACK, CHANGE)


class Shift(NamedTuple):
    """A way as the scripts know it, and as it is now."""

    before: WayState
    now: WayState


@dataclass(frozen=True)
class Pending:
    """What has changed since the scripts were last run.

    ways: those that differ, in the order of the last change. carrier: the way that carried the
    LAN's traffic, as the scripts know it, "" if that has not changed. now: the router as it is.
    slices: with a step applied. reason: of the last change.
    """

    ways: Mapping[str, Shift] = field(default_factory=dict)
    carrier: str = ""
    now: Router = field(default_factory=Router)
    slices: tuple[str, ...] = ()
    reason: str = ""


class Notice(NamedTuple):
    """One run of each script.

    event: one of EVENTS. way, interface, old, new, ports: of the way that it is about, "" for a
    CHANGE. old: its last address before. new: "" while it has none.
    carrier: name of the way that carries the LAN's traffic now.
    """

    event: str
    way: str = ""
    interface: str = ""
    old: str = ""
    new: str = ""
    ports: Ranges = ()
    carrier: str = ""
    prefix: str = ""
    slices: tuple[str, ...] = ()
    reason: str = ""

    @property
    def text(self) -> str:
        """The notice for a line of the log."""
        about = f"{self.event} of {self.way}" if self.way else self.event
        if self.old == self.new:
            return f"{about} ({self.new})" if self.new else about
        return f"{about} ({self.old or 'no address'} -> {self.new or 'no address'})"


def noted(
    pending: Pending, known: Router, now: Router, slices: Sequence[str], reason: str
) -> Pending:
    """Return ``pending`` with the differences between ``known`` and ``now``.

    ``slices``: names of those that had a step applied. Without these and without a difference there
    is nothing to queue, and ``pending`` itself is returned.
    """
    shifted = {
        name: Shift(known.ways.get(name, WayState()), way)
        for name, way in now.ways.items()
        if way != known.ways.get(name, WayState())
    }
    carrier = known.carrier or now.default
    carried = now.carrier != carrier
    if not slices and not shifted and not carried:
        return pending
    ways = {name: shift for name, shift in pending.ways.items() if name not in shifted}
    for name, shift in shifted.items():
        first = pending.ways.get(name, shift)
        ways[name] = Shift(first.before, shift.now)
    return Pending(
        ways,
        pending.carrier or (carrier if carried else ""),
        now,
        tuple(dict.fromkeys((*pending.slices, *slices))),
        reason,
    )


def notices(pending: Pending) -> tuple[Notice, ...]:
    """Return the notices of ``pending`` in their order; one of CHANGE if no way has any.

    A way that is back in the state that the scripts know has none.
    """
    now = pending.now
    common = Notice(
        CHANGE,
        carrier=now.carrier,
        prefix=now.prefix,
        slices=pending.slices,
        reason=pending.reason,
    )
    found = [
        common._replace(
            event=event,
            way=name,
            interface=shift.now.interface,
            old=shift.before.address,
            new=shift.now.address if shift.now.up else "",
            ports=shift.now.ports,
        )
        for name, shift in pending.ways.items()
        if (event := event_of(shift))
    ]
    if event := _event_of_carrier(pending):
        way = now.ways.get(now.carrier, WayState())
        found.append(
            common._replace(
                event=event,
                way=now.carrier,
                interface=way.interface,
                old=way.address,
                new=way.address,
                ports=way.ports,
            )
        )
    return tuple(found) or ((common,) if pending.slices else ())


def event_of(shift: Shift) -> str:
    """Return the event of a way, "" for none."""
    before, now = shift
    if before.up and now.up:
        return ADDRESS if before != now else ""
    if now.up:
        return BACK if before.lost else UP
    if before.up:
        return LOST if now.lost else DOWN
    return ""


def _event_of_carrier(pending: Pending) -> str:
    """Return FAILOVER or FAILBACK if another way carries the LAN's traffic now, else ""."""
    now, before = pending.now, pending.carrier
    if not before or not now.carrier or before == now.carrier:
        return ""
    return FAILBACK if now.carrier == now.default else FAILOVER

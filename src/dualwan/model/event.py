"""The triggers of reconciliation. Hooks import it first, so it imports little."""

from __future__ import annotations

from enum import Enum


class Event(Enum):
    """A trigger of reconciliation. The value is its id, for programs."""

    BOOT = "boot"
    PRE_UP = "pre-up"
    UP = "up"
    DOWN = "down"
    POST_DOWN = "post-down"
    PPP_UP = "ppp-up"
    PPP_DOWN = "ppp-down"
    APPLY = "apply"
    REMOVE = "remove"
    PREFIX_CHANGED = "prefix-changed"
    MEND = "mend"
    ACTIVE = "active"
    STANDBY = "standby"

    @property
    def label(self) -> str:
        """The event's label in the log."""
        return _LABELS.get(self, self.value)

    @property
    def wanted(self) -> bool | None:
        """The router's goal after the event: True up, False down, None unchanged."""
        return _WANTED.get(self)

    @property
    def of_ppp(self) -> bool:
        """Whether pppd is the sender."""
        return self in (Event.PPP_UP, Event.PPP_DOWN)


_LABELS = {
    Event.PRE_UP: "ifup (before)",
    Event.UP: "ifup",
    Event.DOWN: "ifdown",
    Event.POST_DOWN: "ifdown (after)",
    Event.REMOVE: "down",
    Event.PREFIX_CHANGED: "the line changed",
    Event.MEND: "the watcher",
    Event.ACTIVE: "role active",
    Event.STANDBY: "role standby",
}
_WANTED = {
    Event.BOOT: True,
    Event.PRE_UP: True,
    Event.UP: True,
    Event.APPLY: True,
    Event.DOWN: False,
    Event.POST_DOWN: False,
    Event.REMOVE: False,
}

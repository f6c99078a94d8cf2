"""The triggers of reconciliation. Loads nothing that takes time: hooks import it first."""

from __future__ import annotations

from enum import Enum


class Event(Enum):
    """A trigger of reconciliation. The value is its id, for machines."""

    PRE_UP = "pre-up"
    UP = "up"
    DOWN = "down"
    POST_DOWN = "post-down"
    PPP_UP = "ppp-up"
    PPP_DOWN = "ppp-down"
    APPLY = "apply"
    REMOVE = "remove"
    PREFIX_CHANGED = "prefix-changed"

    @property
    def label(self) -> str:
        """The event as the log calls it."""
        return _LABELS.get(self, self.value)

    @property
    def wanted(self) -> bool | None:
        """What the event says about the router as a whole: to be up, down, or nothing (None)."""
        return _WANTED.get(self)

    @property
    def of_ppp(self) -> bool:
        """Whether pppd reports it."""
        return self in (Event.PPP_UP, Event.PPP_DOWN)


_LABELS = {
    Event.PRE_UP: "ifup (before)",
    Event.UP: "ifup",
    Event.DOWN: "ifdown",
    Event.POST_DOWN: "ifdown (after)",
    Event.REMOVE: "down",
    Event.PREFIX_CHANGED: "the line changed",
}
_WANTED = {
    Event.PRE_UP: True,
    Event.UP: True,
    Event.APPLY: True,
    Event.DOWN: False,
    Event.POST_DOWN: False,
    Event.REMOVE: False,
}

"""Neighbour advertisements of a router that takes over the line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dualwan.model.plan import Action, Step
from dualwan.model.resources import Address, Advertisement
from dualwan.slices.slice import Situation


def advertisements(at: Situation, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps that advertise addresses added on the WAN: the other router had them."""
    for step in steps:
        item, wan = step.resource, at.config.wan.interface
        if step.action is Action.ADD and isinstance(item, Address) and item.device == wan:
            yield Step(Action.ADD, Advertisement(item.device, item.address))

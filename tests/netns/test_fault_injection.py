"""A kill and an error of the kernel's at the Nth call of an event, for every N; root.

`make netns` takes every kill and a part of the errors, another kind for each N; `make faults`
takes all. After a clean run the namespace is as without the fault, and `down` leaves what was
there before.
"""

import os
from contextlib import closing
from difflib import unified_diff
from pprint import pformat
from typing import NamedTuple

import pytest
from fault_side import ROLES
from faulty import Injected
from line import CONFIG, OTHER_PPPOE, PPPOE

from dualwan.model.event import Event

EVERY = os.environ.get("DUALWAN_FAULTS") == "all"
PART = 16  # one of so many errors, if not all are taken
DOWN = 5  # after one of so many faults all is taken away at once
CHANGED = CONFIG + '[firewall]\ninbound = ["ssh"]\n'
AUTO = CONFIG[: CONFIG.index("[mape]")] + "[mape]\nwait = 0\n[pppoe]\ndial = false\n"
PREFIXES = ("2400:4050:5c71:af00", "2400:4050:5c71:b000")  # one address, other ports
CHANGES = {"change", "nft", "sysctl", "file", "lock", "solicitation"}


class Scene(NamedTuple):
    """An event, what happens outside before it, and the way from its end to its next start.

    back: events, and words of WORLD; empty where the router goes back and forth between two ends.
    """

    event: Event
    back: tuple[Event | str, ...] = ()
    outside: str = ""
    text: str = CONFIG


# What happens outside, to the router at its even and odd turns.
WORLD = {
    "": lambda *_: None,
    "link down": lambda router, _: router.switch(up=False),
    "link up": lambda router, _: router.switch(up=True),
    "connect": lambda router, at: router.connect((OTHER_PPPOE, PPPOE)[at % 2]),
    "disconnect": lambda router, _: router.disconnect(),
    "renumber": lambda router, at: router.announce(PREFIXES[(at + 1) % 2]),
    "edit": lambda router, at: setattr(router, "text", (CHANGED, CONFIG)[at % 2]),
}
SCENES = {
    "pre-up": Scene(Event.PRE_UP, ("link up", Event.REMOVE), "link down"),
    "up": Scene(Event.UP, (Event.REMOVE, "link down", Event.PRE_UP), "link up"),
    "ppp-up": Scene(Event.PPP_UP, (), "connect"),
    "ppp-down": Scene(Event.PPP_DOWN, ("connect", Event.PPP_UP), "disconnect"),
    "down": Scene(Event.DOWN, (Event.UP,)),
    "remove": Scene(Event.REMOVE, (Event.APPLY,)),
    "renumbered": Scene(Event.PREFIX_CHANGED, (), "renumber", AUTO),
    "changed": Scene(Event.APPLY, (), "edit"),
}


class Walk:
    """A router that goes from case to case of one scene."""

    def __init__(self, router, scene):
        self.router, self.scene, self.at = router, scene, 0
        router.text = scene.text
        router.connect(PPPOE)
        router.announce(PREFIXES[0])
        self.before = router.holds()
        router.clean(Event.PRE_UP, Event.UP)
        self.ends, self.calls = [], []
        for _ in range(2):
            self.prepare()
            self.calls.append(router.clean(scene.event))
            router.clean(scene.event)
            self.ends.append((router.holds(), router.noted()))
            self.at += 1

    def prepare(self):
        """Come into the state before the event."""
        for one in self.scene.back:
            if isinstance(one, Event):
                self.router.clean(one)
            else:
                WORLD[one](self.router, self.at)
        WORLD[self.scene.outside](self.router, self.at)

    def case(self, fault, *, down):
        """One fault, and what comes after it."""
        router, scene = self.router, self.scene
        self.prepare()
        done = router.event(scene.event, fault)
        if done is None:
            assert fault[1] == "kill"
        else:
            error, log, calls = done
            assert "unexpected" not in error, (error, log)
            assert len(calls) > fault[0], "the call did not come"
        if down:
            router.switch(up=True)
            left = router.left()
            _agree(_ours(left, left), _ours(self.before, left))
            if scene.event is Event.PRE_UP:
                router.switch(up=False)
            else:
                router.clean(Event.PRE_UP, Event.UP)
        router.clean(scene.event)
        holds, noted = self.ends[self.at % 2]
        _agree(router.holds(), holds)
        if not down:
            assert router.noted() == noted
        self.at += 1


def _ours(dump, now):
    """Return a dump without what the line and PPPoE have changed since, as it is ``now``."""
    changing = (PPPOE, OTHER_PPPOE, *PREFIXES)
    gone = not any(one[0] == "ppp0" for one in now["links"])
    kept = {
        **dump,
        "addresses": [one for one in dump["addresses"] if not one[2].startswith(changing)],
        "routes": [one for one in dump["routes"] if not one[0].startswith(changing)],
    }
    if not gone:
        return kept
    return {
        name: [one for one in _lines(rows) if "ppp0" not in str(one)] for name, rows in kept.items()
    }


def _lines(rows):
    return sorted(rows.items()) if isinstance(rows, dict) else rows


def _agree(found, wanted):
    """Fail where two dumps differ, and show in what."""
    lines = [pformat(one, width=150).splitlines() for one in (wanted, found)]
    different = list(unified_diff(*lines, "wanted", "found", n=0, lineterm=""))
    assert not different, "\n".join(different)


def _chosen(calls, number):
    """Return the faults to try of the calls of an event."""
    kills = [(at, "kill") for at, (role, _) in enumerate(calls) if role in CHANGES or EVERY]
    errors = [
        (at, kind) for at, (role, _) in enumerate(calls) for kind in ROLES[role] if kind != "kill"
    ]
    return [*kills, *(errors if EVERY else errors[number % PART :: PART])]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_a_fault_at_any_call_is_mended_by_the_next_run(bare, name, record_property):
    """Killed or refused anywhere: told, without a traceback, and the end is the same."""
    with closing(Injected(bare(), CONFIG)) as router:
        walk = Walk(router, SCENES[name])
        faults = _chosen(walk.calls[0], list(SCENES).index(name))
        for number, fault in enumerate(faults):
            down = SCENES[name].event is not Event.REMOVE and number % DOWN == 0
            try:
                walk.case(fault, down=down)
            except AssertionError as error:
                call = walk.calls[0][fault[0]]
                pytest.fail(f"{name}: {fault[1]} at {fault[0]}, {call}:\n{error}")
        record_property("cases", len(faults))
        print(f"{name}: {len(faults)} faults at {len(walk.calls[0])} calls")

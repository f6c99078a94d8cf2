"""A firewall that is gone: the watcher brings it back, however often, and does not give it up."""

from contextlib import suppress

import pytest
from config_texts import DIALS_BY_RULE
from machine import BASE, Machine, config, run

from dualwan import watcher
from dualwan.damper import LONGEST_SECONDS, OPEN_SECONDS
from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.watcher import IN_VAIN, Carried, Look

FIREWALL = "dualwan_firewall"
pytestmark = pytest.mark.usefixtures("log")


class Watched:
    """A router that is up, and its watcher; ``now``: seconds."""

    def __init__(self, path):
        self.path, self.now = path, 1000.0
        self.machine, self.carried = Machine("wan0", "lan0"), Carried()
        run(self.machine, config(), Event.APPLY)
        self.settle()

    def settle(self):
        """Look until there is no more to do at once; return the seconds until the next look."""
        seconds = 0
        while seconds == 0:
            seconds, self.carried = Look(self.carried, self.path, self.machine).run()
        return seconds


@pytest.fixture(name="watched")
def _watched(tmp_path, monkeypatch):
    """Return a router and its watcher."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    made = Watched(path)
    monkeypatch.setattr(watcher, "monotonic", lambda: made.now)
    return made


@pytest.mark.parametrize(
    "lose",
    [lambda machine: machine.flush_ruleset(), lambda machine: machine.delete_table(FIREWALL)],
)
def test_a_program_that_takes_it_away_for_ever(watched, lose):
    """With the pauses of other changes the router was open for a minute at a time."""
    for _ in range(30):
        lose(watched.machine)
        watched.now += 0.1
        waited = 0.0
        while seconds := watched.settle():
            waited += seconds
            watched.now += seconds
        assert FIREWALL in watched.machine.table_names()
        assert waited <= OPEN_SECONDS


def test_a_kernel_that_refuses_it_for_long(watched):
    """It is tried again once a minute, and stands as soon as the kernel takes it."""
    watched.machine.refuse = [FIREWALL]
    watched.machine.delete_table(FIREWALL)
    waits = []
    for _ in range(IN_VAIN + 20):
        waits.append(watched.settle())
        assert waits[-1] is not None
        watched.now += waits[-1]
    assert max(waits) == LONGEST_SECONDS
    watched.machine.refuse = []
    while seconds := watched.settle():
        watched.now += seconds
    assert FIREWALL in watched.machine.table_names()


@pytest.mark.parametrize("up", [(Event.BOOT,), (Event.PRE_UP, Event.UP)])
def test_pppoe_is_dialled_once_the_firewall_stands(watched, up):
    """Behind an open door nobody is dialled: no event comes after that which the kernel refused."""
    dials = config(DIALS_BY_RULE)
    watched.path.write_text(DIALS_BY_RULE)
    watched.machine, watched.carried = Machine("wan0", "lan0"), Carried()
    watched.machine.refuse = [FIREWALL]
    for event in up:
        with suppress(HostError):
            handle_event(dials, watched.machine, event)
    watched.machine.announced["wan0"] = ("2001:db8:12:3400::/64",)
    for _ in range(3):
        watched.now += watched.settle()
    assert watched.machine.running == set()
    watched.machine.refuse = []
    while seconds := watched.settle():
        watched.now += seconds
    assert watched.machine.running == {"dsl-provider"}
    watched.machine.running.clear()  # poff
    watched.machine.flush_ruleset()
    while seconds := watched.settle():
        watched.now += seconds
    assert FIREWALL in watched.machine.table_names()
    assert watched.machine.running == set()

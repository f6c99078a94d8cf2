"""When a look of the watcher is followed by another at once."""

from contextlib import suppress

import pytest
from machine import BASE, Machine, config, run
from one_of_two import CONFIG, ONE_OF_TWO

from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.handle.role import take
from dualwan.model.event import Event
from dualwan.watcher import ROLE_SECONDS, Carried, Look


def test_what_was_not_followed_yet_is_looked_at_twice(tmp_path):
    """A sysctl may have been written by another program before the watcher listened for it."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    machine = Machine("wan0", "lan0")
    run(machine, config(), Event.APPLY)
    carried = Carried(line=machine.line_state("wan0"), line_due=False)
    for seconds in (0, None, None):
        looked = Look(carried, path, machine, ()).run()
        assert looked.seconds == seconds
        carried = looked.carried


@pytest.fixture(name="one_of_two")
def _one_of_two(tmp_path, monkeypatch):
    """Return a configuration's path, a machine that stands by, its configuration, and a clock."""
    path, machine, cfg = tmp_path / "dualwan.toml", Machine("wan0", "lan0"), CONFIG
    path.write_text(ONE_OF_TWO)
    clock = [100.0]
    monkeypatch.setattr("dualwan.watcher.monotonic", lambda: clock[0])
    run(machine, cfg, Event.UP)
    return path, machine, cfg, clock


def test_a_change_of_role_that_was_cut_short_is_done_by_the_watcher(one_of_two, log):
    """Once its process must have ended: until then that one dials, and the watcher waits."""
    path, machine, cfg, clock = one_of_two
    dial = machine.dial

    def failing(peer, _key):
        raise HostError(f"no {peer}")

    machine.dial = failing
    with suppress(HostError):
        take(cfg, machine, active=True, asked=1)
    machine.dial = dial
    carried = Carried(line=machine.line_state("wan0"), line_due=False)
    assert [look(machine, path, carried) for _ in range(2)] == [0, ROLE_SECONDS]
    assert machine.running == set()
    clock[0] += ROLE_SECONDS
    log.clear()
    assert [look(machine, path, carried) for _ in range(2)] == [0, None]
    assert machine.running == {"dsl-provider"}
    assert machine.run_state.role.followed
    assert any("dialled dsl-provider (cause=the watcher)" in line for line in log)


def test_the_watcher_tries_that_once(one_of_two, log):
    """What fails then is told, and tried again by the next event."""
    path, machine, cfg, clock = one_of_two
    machine.refuse = ["conntrackd active"]
    with suppress(HostError):
        take(cfg, machine, active=True, asked=1)
    carried = Carried(line=machine.line_state("wan0"), line_due=False)
    for seconds in (0, ROLE_SECONDS, 0, None, None):
        assert look(machine, path, carried) == seconds
        clock[0] += ROLE_SECONDS * (seconds == ROLE_SECONDS)
    assert any("conntrackd" in line and "the watcher" in line for line in log)
    machine.refuse = []
    handle_event(cfg, machine, Event.APPLY)
    assert machine.run_state.role.followed


def look(machine, path, carried):
    """Look once; return the seconds until the next look."""
    return Look(carried, path, machine, ()).run().seconds

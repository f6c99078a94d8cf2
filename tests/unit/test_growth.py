"""A thousand reconnects leave no growth: neither in the kernel nor in what is noted and logged."""

import json

import pytest
from config_texts import AUTO
from machine import Machine, config
from routers import FOREIGN, populated

from dualwan.config import from_text
from dualwan.handle import handle_event
from dualwan.host import store
from dualwan.model.event import Event

RECONNECTS = 1000


def size(machine, log):
    """Return how much there is of everything, and clear the log."""
    state = machine.state
    lines = [line.partition("203.0.113.")[0] for line in log]
    log.clear()
    return (
        *map(len, (state.tables, state.rules, state.routes, state.addresses, state.sysctls)),
        len(machine._records),  # noqa: SLF001 - stands for the files of /run/dualwan/tables
        len(lines),
        len(json.dumps(store.encode(machine.run_state), sort_keys=True)),
    )


@pytest.mark.slow
def test_reconnects_with_another_address_each_time(log):
    """Of 100 addresses; each reconnect after the first hundred costs and leaves the same."""
    machine, cfg = populated(), config()
    handle_event(cfg, machine, Event.UP)
    sizes = []
    for at in range(RECONNECTS):
        machine.connect(f"203.0.113.{100 + at % 100}")
        handle_event(cfg, machine, Event.PPP_UP)
        if at % 2:
            machine.unplug("ppp0")
            handle_event(cfg, machine, Event.PPP_DOWN)
        machine.applied.clear()
        sizes.append(size(machine, log))
    assert len(set(sizes[100::2])) == len(set(sizes[101::2])) == 1
    handle_event(cfg, machine, Event.REMOVE)
    assert machine.state.tables == FOREIGN
    assert (machine.state.rules, machine.state.routes) == ((), ())


def test_prefixes_that_come_and_go(log):
    """Fifty renumberings, each with a link that goes down and takes the CE address."""
    machine = Machine("wan0", "lan0")
    cfg = from_text("f", AUTO)
    sizes = []
    for at in range(50):
        machine.announced["wan0"] = (f"2400:4050:5c71:{0x1000 + at * 256:x}::/64",)
        machine.switch("wan0", up=False)
        machine.switch("wan0", up=True)
        handle_event(cfg, machine, Event.UP)
        machine.applied.clear()
        sizes.append(size(machine, log))
    assert len({one[:-2] for one in sizes[2:]}) == 1
    assert len(json.dumps(store.encode(machine.run_state))) < 2000

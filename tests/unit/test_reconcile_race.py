"""A machine that moves while it is dealt with: seen once on the simulated line, at a reconnect."""

import pytest
from machine import Machine, config, run

from dualwan.model.event import Event

C = config()
RP_FILTER = "net/ipv4/conf/mape0/rp_filter"


class Restless(Machine):
    """Somebody sets a value back right after each of our first runs through the steps."""

    moves = 0

    def observe(self, reads):
        """Look, after the somebody has been at work."""
        if self.moves and RP_FILTER in self.state.sysctls:
            self.moves -= 1
            self.set_sysctl(RP_FILTER, "1")
        return super().observe(reads)


@pytest.mark.parametrize(("moves", "problems"), [(1, 0), (9, 1)])
def test_what_moved_is_done_once_more(moves, problems):
    """Once is mended in the same run; who never stops is reported, and does not stop us."""
    machine = Restless("wan0", "lan0")
    machine.moves = moves
    said = run(machine, C, Event.UP)
    assert len(said) == problems
    assert all("did not end as planned" in text for text in said)

"""A watcher that cannot look, or not to the end: what was due stays due, and is done later.

No memory for a look, a library in the middle of an upgrade, or a program that changes routes faster
than the kernel lists them: no news tell that this is over.
"""

import pytest
from config_texts import DIALS_BY_RULE
from machine import Machine, kernel_state

from dualwan.config import from_text
from dualwan.damper import LONGEST_SECONDS
from dualwan.errors import KernelError
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.watcher import Carried, Look, after_failure

CONFIG = from_text("dualwan.toml", DIALS_BY_RULE)
FIREWALL = "dualwan_firewall"
pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(name="path")
def _path(tmp_path):
    """Return the path of the configuration."""
    path = tmp_path / "dualwan.toml"
    path.write_text(DIALS_BY_RULE)
    return path


class Storm(Machine):
    """A router beside systemd-networkd, after boot; ``fails``: how often its routes are no list."""

    def __init__(self):
        super().__init__("wan0", "lan0")
        self.fails = 0
        handle_event(CONFIG, self, Event.BOOT)
        self.announced["wan0"] = ("2001:db8:12:3400::/64",)

    def observe(self, reads):
        """Observe, unless other programs change all the while."""
        if self.fails and reads.routes:
            self.fails -= 1
            raise KernelError("routes: other programs change them faster than they can be listed")
        return super().observe(reads)


def settled(machine, path, carried):
    """Look until no further look is due; return the pauses."""
    pauses = []
    while len(pauses) < 40:
        seconds, carried = Look(carried, path, machine).run()
        if seconds is None:
            break
        pauses += [seconds] if seconds else []
    return pauses


@pytest.mark.parametrize("fails", [1, 2, 10])
def test_a_change_of_the_line_is_handled_though_the_kernel_did_not_tell_all(path, fails):
    """PPPoE was not dialled: what is mended after it is the kernel's state alone."""
    machine = Storm()
    machine.fails = fails
    pauses = settled(machine, path, Carried())
    assert machine.running == {"dsl-provider"}
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]
    assert len(pauses) == fails
    assert max(pauses) <= LONGEST_SECONDS


@pytest.mark.parametrize(
    "lose", [lambda one: one.delete_table(FIREWALL), lambda one: one.unplug("mape0")]
)
def test_what_is_lost_in_a_storm_is_mended_after_it(path, lose):
    """Within a minute; a look that could not be had does not count as a mending in vain."""
    machine, carried = Storm(), Carried()
    settled(machine, path, carried)
    whole = kernel_state(machine)
    lose(machine)
    machine.fails = 20
    assert settled(machine, path, carried)[-1] == LONGEST_SECONDS
    assert kernel_state(machine) == whole


def test_it_tries_again_once_a_minute_for_as_long_as_it_takes():
    """After 1, 2, 4, 8, 16 and 32 seconds."""
    carried = Carried()
    pauses = [after_failure(carried) for _ in range(5000)]
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, LONGEST_SECONDS]
    assert {*pauses[7:]} == {LONGEST_SECONDS}

"""What outlives a boot is written by one run at a time: ifup and the watcher work at once.

Of two that write a file, one took the temporary file of the other away, and that one failed.
"""

from contextlib import contextmanager

import pytest
from machine import BASE, Machine, config
from test_aftr import ADDRESS, DS_LITE, NAME, PREFIX

from dualwan.errors import BusyError
from dualwan.handle import handle_event
from dualwan.model.event import Event


class Alone(Machine):
    """A machine that notes who else is kept from writing: "lock", "asking", or "" for nobody."""

    def __init__(self):
        super().__init__("wan0", "lan0")
        self.asks, self.written = False, {}

    @contextmanager
    def asking(self):
        """Keep others from asking."""
        with super().asking():
            self.asks = True
            yield
            self.asks = False

    def keep_config(self, config):
        """Keep the configuration."""
        self.written["configuration"] = "lock" if self.locked else ""
        super().keep_config(config)

    def save_answers(self, answers):
        """Save what the line has said."""
        self.written["answers"] = "asking" if self.asks else ""
        super().save_answers(answers)


@pytest.mark.usefixtures("log")
def test_each_file_is_written_alone():
    """Under the lock that others take who write it."""
    machine = Alone()
    machine.names = {NAME: ADDRESS}
    machine.announced["wan0"] = (PREFIX,)
    handle_event(config(DS_LITE), machine, Event.UP)
    assert machine.written == {"answers": "asking", "configuration": "lock"}


def test_an_address_in_the_configuration_waits_for_nobody_who_asks():
    """There is nothing to ask."""
    machine = Alone()
    machine.asking = lambda: pytest.fail("it asks")
    machine.announced["wan0"] = (PREFIX,)
    handle_event(config(DS_LITE.replace(NAME, ADDRESS)), machine, Event.UP)
    assert machine.kept is not None


def test_a_run_that_does_not_end_fails_no_event(log):
    """All is done by then; the log has a warning."""
    machine, lock = Machine("wan0", "lan0"), None

    def busy(seconds):
        if machine.state.tunnels and machine.load_state().applied:
            raise BusyError("another run of dualwan-hook has been at work for 20 s")
        return lock(seconds)

    lock, machine.lock = machine.lock, busy
    handle_event(config(BASE), machine, Event.APPLY)
    assert machine.kept is None
    assert "at work for 20 s: a wrong configuration will have no older one" in log[-1]

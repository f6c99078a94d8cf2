"""A run whose configuration was replaced, and the new one applied, since it was read."""

import pytest
from config_texts import DIALS_BY_RULE, PROBED
from machine import BASE, Machine, pending
from one_of_two import ONE_OF_TWO, STANDBY, there

from dualwan import hook
from dualwan.config import load
from dualwan.errors import StaleError
from dualwan.frozen import replace
from dualwan.handle import handle_event
from dualwan.handle import probe as probes
from dualwan.line.failover import FAILS
from dualwan.model.event import Event
from dualwan.reconcile import reconcile

pytestmark = pytest.mark.usefixtures("state_folder", "log")
OPEN = BASE + '[firewall]\ninbound = ["ssh"]\n'


@pytest.fixture(name="path")
def _path(tmp_path):
    """Return the path of a configuration that lets ssh in."""
    path = tmp_path / "dualwan.toml"
    path.write_text(OPEN)
    return path


def applied(machine, path, text):
    """Let a person write TEXT, and apply it."""
    path.write_text(text)
    handle_event(load(path), machine, Event.APPLY)


@pytest.mark.parametrize("event", [Event.MEND, Event.PPP_UP, Event.PREFIX_CHANGED, Event.UP])
def test_a_run_that_waited_does_not_open_what_was_closed_meanwhile(path, event):
    """It had read the file before, and waited for the run that closed."""
    machine = Machine("wan0", "lan0")
    applied(machine, path, OPEN)
    read = load(path)
    applied(machine, path, BASE)
    with pytest.raises(StaleError, match="another configuration was applied meanwhile"):
        reconcile(read, machine, event)
    assert pending(machine, load(path), Event.APPLY) == []
    assert machine.run_state.applied == BASE


def test_what_is_edited_and_not_applied_is_used_by_events(path):
    """As ever; and so is an older text that somebody has put back."""
    machine = Machine("wan0", "lan0")
    applied(machine, path, OPEN)
    for text in (BASE, OPEN):
        path.write_text(text)
        reconcile(load(path), machine, Event.MEND)
        assert pending(machine, load(path), Event.APPLY) == []


def test_another_file_may_be_applied(path, tmp_path):
    """By --config; events go on with the usual one."""
    machine, other = Machine("wan0", "lan0"), tmp_path / "other.toml"
    applied(machine, path, OPEN)
    applied(machine, other, BASE)
    reconcile(load(path), machine, Event.MEND)
    assert pending(machine, load(path), Event.APPLY) == []


def test_what_stands_in_for_a_wrong_file_is_used(path):
    """What was applied counts no more, such as with a key that an upgrade has taken away."""
    machine = Machine("wan0", "lan0")
    applied(machine, path, BASE)
    stands_in, wrong = load(path), BASE + "[gone]\nkey = 1\n"
    path.write_text(wrong)
    machine.run_state = replace(machine.run_state, applied=wrong)
    machine.flush_ruleset()
    reconcile(stands_in, machine, Event.PRE_UP)
    assert pending(machine, stands_in, Event.MEND) == []


def test_an_ifup_that_waits_goes_on_with_what_was_applied_meanwhile(path, monkeypatch):
    """It waits for a prefix for 30 s: time to see what is wrong in the file, and to apply anew."""
    machine, cleared = Machine("wan0", "lan0"), DIALS_BY_RULE + "[firewall]\ninbound = []\n"
    monkeypatch.setenv("DUALWAN_CONFIG", str(path))
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    path.write_text(DIALS_BY_RULE + '[firewall]\ninbound = ["ssh"]\n')

    def await_prefix(device, _seconds):
        del machine.await_prefix
        machine.announced[device] = ("2001:db8:12:3400::/64",)
        applied(machine, path, cleared)
        return True

    machine.await_prefix = await_prefix
    assert hook.hook("up", "wan0") == 0
    assert pending(machine, load(path), Event.APPLY) == []
    assert machine.run_state.applied == cleared
    assert machine.kept.text == cleared


def test_an_ifup_that_dials_does_not_keep_what_was_replaced_meanwhile(path):
    """For a file that is wrong later: it would open what the person has closed."""
    machine = Machine("wan0", "lan0")
    path.write_text(OPEN.replace("dial = false", "dial = true"))
    dial = machine.dial

    def late(*arguments):
        machine.dial = dial
        applied(machine, path, BASE)
        return dial(*arguments)

    machine.dial = late
    handle_event(load(path), machine, Event.UP)
    assert machine.kept.text == BASE


def test_a_probe_leaves_the_verdict_to_the_next_one(path):
    """It had asked for seconds; what it has seen is noted, and not followed by the old file."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    applied(machine, path, PROBED)
    for _ in range(FAILS - 1):
        probes.probe(load(path), machine)
    read = load(path)
    applied(machine, path, PROBED + '[firewall]\ninbound = ["ssh"]\n')
    with pytest.raises(StaleError):
        probes.probe(read, machine)
    assert pending(machine, load(path), Event.MEND) != []
    assert probes.probe(load(path), machine).broken
    assert pending(machine, load(path), Event.MEND) == []


def test_a_role_is_taken_by_what_was_applied_meanwhile(run, machine, config):
    """Stepping back hung up for a while; keepalived starts no script a second time."""
    applied(machine, config, ONE_OF_TWO)
    assert run("role", "active")[0] == 0
    hang_up, edited = machine.hang_up, ONE_OF_TWO + '[firewall]\ninbound = ["ssh"]\n'

    def late(*arguments):
        machine.hang_up = hang_up
        applied(machine, config, edited)
        return hang_up(*arguments)

    machine.hang_up = late
    assert run("role", "standby")[0] == 0
    assert there(machine) == STANDBY
    assert machine.run_state.role.followed
    assert pending(machine, load(config), Event.APPLY) == []

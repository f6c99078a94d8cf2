"""An ifup that is overtaken while it waits without the lock: what was decided meanwhile stands."""

import pytest
from config_texts import DIALS_BY_RULE
from machine import BASE, Machine, config, ours
from one_of_two import ACTIVE, active, after_boot, there
from one_of_two import CONFIG as ONE_OF_TWO
from way_texts import session

from dualwan.config import from_text
from dualwan.errors import HostError
from dualwan.handle import handle_event, sessions
from dualwan.model.event import Event

BY_RULE, DIALS = config(DIALS_BY_RULE), config(a="dial = false -> dial = true")
TWO = from_text("dualwan.toml", DIALS.text + session("two", 1))
DS_LITE = config(
    BASE.split("[mape]", maxsplit=1)[0]
    + '[mape]\nmode = "ds-lite"\naftr = "gw.example.net"\n[pppoe]\ndial = false\n'
)
IPIP = config(
    BASE.split("[mape]", maxsplit=1)[0]
    + '[mape]\nmode = "ipip"\nbr = "2001:db8:ffff::9"\nipv4 = "192.0.2.18"\n'
    + 'interface-id = "::feed"\nupdate = "/etc/dualwan/update"\n[pppoe]\ndial = false\n'
)
PREFIX = "2001:db8:12:3400::/64"
pytestmark = pytest.mark.usefixtures("log")


def down(machine):
    """Let a person take everything down (`dualwan-hook down`, or the removal of the package)."""
    handle_event(None, machine, Event.REMOVE)


def down_before_the_prefix(machine):
    """Let a person take everything down, and the line announce its prefix after that."""
    down(machine)
    machine.announced["wan0"] = (PREFIX,)


def overtaken(machine, name, by, *, after=False):
    """Let ``by`` happen during the next call of a method of ``machine``: before it, or after it."""
    method = getattr(machine, name)

    def late(*arguments):
        setattr(machine, name, method)
        if after:
            done = method(*arguments)
            by(machine)
            return done
        by(machine)
        return method(*arguments)

    setattr(machine, name, late)


def is_down(machine):
    """Whether nothing of ours is there, and nothing is to be."""
    return not ours(machine) and not machine.running and not machine.run_state.wanted


def test_who_waits_for_the_prefix_brings_nothing_back():
    """The person took everything down in those 30 s: `down` says that nothing is left."""
    machine = Machine("wan0", "lan0")
    overtaken(machine, "await_prefix", down_before_the_prefix)
    handle_event(BY_RULE, machine, Event.UP)
    assert is_down(machine)


def test_who_has_waited_in_vain_lets_the_next_ifup_wait():
    """A prefix that comes late would start nothing without a watcher: `down` begins anew."""
    machine, waits = Machine("wan0", "lan0"), []
    overtaken(machine, "await_prefix", down)
    handle_event(BY_RULE, machine, Event.UP)
    machine.await_prefix = lambda *arguments: waits.append(arguments) or False
    with pytest.raises(HostError, match="no IPv6 prefix"):
        handle_event(BY_RULE, machine, Event.UP)
    assert waits == [("wan0", 30)]


def test_who_asks_a_server_brings_nothing_back():
    """A name server that is slow to answer, and has news."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (PREFIX,)
    machine.names = {"gw.example.net": "2001:db8:ffff::9"}
    overtaken(machine, "resolve", down)
    handle_event(DS_LITE, machine, Event.UP)
    assert is_down(machine)


def test_who_waited_for_the_prefix_tells_the_provider_nothing():
    """Another program may have told it another end since."""
    machine = Machine("wan0", "lan0")
    overtaken(machine, "await_prefix", down_before_the_prefix)
    handle_event(IPIP, machine, Event.UP)
    assert machine.called == []


def test_what_a_provider_was_told_during_a_down_is_not_known_after_it():
    """The next ifup tells it again, whatever another program has told it meanwhile."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (PREFIX,)
    overtaken(machine, "call_update_url", down)
    handle_event(IPIP, machine, Event.UP)
    assert is_down(machine)
    handle_event(IPIP, machine, Event.UP)
    assert len(machine.called) == 2


def test_a_full_run_directory_keeps_no_prefix_from_being_followed():
    """What is wanted cannot be noted there, and is not known from it."""
    machine = Machine("wan0", "lan0")

    def announced(machine):
        machine.announced["wan0"] = (PREFIX,)

    overtaken(machine, "await_prefix", announced)
    machine.refuse = ["state.json"]
    with pytest.raises(HostError, match=r"state\.json"):
        handle_event(BY_RULE, machine, Event.UP)
    assert {table.name for table in machine.state.tables} >= {"dualwan_firewall", "dualwan_snat"}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("event", [Event.UP, Event.APPLY, Event.PREFIX_CHANGED])
def test_who_dials_leaves_no_session_behind(event, after):
    """Pon takes up to ten seconds; `down` found no pppd yet, or one of two sessions."""
    machine = Machine("wan0", "lan0")
    if event is Event.PREFIX_CHANGED:
        handle_event(config(), machine, Event.UP)
    overtaken(machine, "dial", down, after=after)
    handle_event(TWO, machine, event)
    assert is_down(machine)
    assert machine.run_state.dialled == ()


def test_a_session_that_is_dialled_while_an_ifdown_hangs_up_is_ended():
    """It has noted that it is under way, and looked for a pppd before there was one."""
    machine = Machine("wan0", "lan0")
    handle_event(config(), machine, Event.UP)
    dial = machine.dial

    def late(*arguments):
        machine.dial = dial
        overtaken(machine, "hang_up", lambda _: dial(*arguments), after=True)
        sessions.hang_up(sessions.Run(DIALS, machine, Event.DOWN, None))
        return True

    machine.dial = late
    handle_event(DIALS, machine, Event.PREFIX_CHANGED)
    assert machine.running == set()
    handle_event(DIALS, machine, Event.DOWN)
    handle_event(DIALS, machine, Event.UP)
    assert machine.running == {"dsl-provider"}


def test_a_session_that_a_unit_dials_meanwhile_is_ended():
    """dualwan-dial.service had looked at what is wanted before `down`."""
    machine = Machine("wan0", "lan0")
    handle_event(config(), machine, Event.UP)
    overtaken(machine, "dial", down)
    sessions.dial_for_unit(DIALS, machine, "dsl-provider")
    assert is_down(machine)


def test_sessions_are_dialled_where_the_run_state_cannot_be_saved():
    """A full /run says nothing of what is wanted: PPPoE is all that the LAN has."""
    machine = Machine("wan0", "lan0")
    machine.refuse = ["state.json"]
    with pytest.raises(HostError, match=r"state\.json"):
        handle_event(DIALS, machine, Event.UP)
    assert machine.running == {"dsl-provider"}


def test_who_takes_over_in_the_middle_of_an_ifup_dials_at_once():
    """Keepalived gives the role once; an ifup may wait for minutes, or fail."""
    machine = after_boot()
    handle_event(ONE_OF_TWO, machine, Event.PRE_UP)
    active(machine)
    assert there(machine) == ACTIVE


def test_who_applies_in_the_middle_of_an_ifdown_does_not_dial():
    """Between its own reconciling and its dialling it hangs up, and finds no pppd."""
    machine = Machine("wan0", "lan0")

    def told(*_arguments, **_options):
        del machine.has_scripts
        sessions.hang_up(sessions.Run(DIALS, machine, Event.DOWN, None))
        return False

    machine.has_scripts = told
    handle_event(DIALS, machine, Event.APPLY)
    assert machine.running == set()

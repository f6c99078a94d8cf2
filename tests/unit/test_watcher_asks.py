"""The line's servers, asked again by the watcher: no news would ever tell that one is back.

A line that has just come back, a clock of 1970 that no certificate fits, a server at rest: what was
asked of a server once, at an ifup or a change of the prefix, was never asked again.
"""

from contextlib import suppress

import pytest
from asked_line import GOOD, ORIGIN, OTHER, PREFIX, TEXT, ipv4
from machine import CE, Machine

from dualwan import watcher
from dualwan.config import from_text
from dualwan.errors import BusyError, DualwanError, RemoteError
from dualwan.handle import handle_event
from dualwan.line.provisioning.answer import DAY
from dualwan.line.provisioning.cache import RETRY
from dualwan.model.event import Event
from dualwan.watcher import BUSY_SECONDS, SERVERS_LONGEST, SERVERS_SECONDS, Carried, Look

AFTR, ADDRESS, MOVED = "gw.example.jp", "2001:db8:ffff::9", "2001:db8:ffff::10"
BY_AFTR = TEXT.replace(
    'provider = "auto"\nprovisioning = ["hb46pp", "dhcpv6"]\n',
    f'mode = "ds-lite"\naftr = "{AFTR}"\n',
)
TOLD = TEXT.replace(
    'provider = "auto"\nprovisioning = ["hb46pp", "dhcpv6"]\n',
    f'mode = "ipip"\nbr = "{ADDRESS}"\nipv4 = "192.0.2.18"\nce = "{CE}"\nupdate = "/root/update"\n',
)
BY_NOBODY = TEXT.replace('provisioning = ["hb46pp", "dhcpv6"]\n', "")
FURTHER = f"""\
[way.fixed]
type = "ipip"
br = "{ADDRESS}"
ipv4 = "192.0.2.18"
interface-id = "::feed"
update = "/root/further"
"""
TTL = DAY  # of GOOD, in seconds, and of the address of an AFTR
BY_SERVER = pytest.mark.parametrize("text", [TEXT, BY_AFTR], ids=["rule", "aftr"])
pytestmark = pytest.mark.usefixtures("log")


class Line:
    """A router that is up on a line whose servers are silent, and its watcher."""

    def __init__(self, path, monkeypatch, text, silent=lambda _machine: None):
        path.write_text(text)
        self.machine, self.path = Machine("wan0", "lan0"), path
        self.machine.announced["wan0"] = (PREFIX,)
        self.machine.clock = 1_000_000
        self.now, self.carried = 5000.0, Carried()
        monkeypatch.setattr(watcher, "monotonic", lambda: self.now)
        silent(self.machine)
        self.config = from_text("dualwan.toml", text)
        with suppress(DualwanError):  # the ifup is in vain, and says so
            handle_event(self.config, self.machine, Event.UP)

    def watch(self):
        """Look until there is no more to do at once; return the seconds until the next look."""
        for _ in range(20):
            seconds, self.carried = Look(self.carried, self.path, self.machine).run()
            if seconds != 0:
                return seconds
        raise AssertionError("the watcher looks again and again")

    def wait(self, seconds):
        """Let time pass."""
        self.now += seconds
        self.machine.clock += int(seconds)


@pytest.fixture(name="line")
def _line(tmp_path, monkeypatch):
    """Return a function that makes a line by the text of a configuration."""
    return lambda text, **more: Line(tmp_path / "dualwan.toml", monkeypatch, text, **more)


def answer(machine):
    """Let the line's servers answer from now on."""
    machine.answers["hb46pp"] = (ORIGIN, machine.clock, GOOD)
    machine.names[AFTR] = ADDRESS


def test_the_pause_is_that_of_the_cache():
    """Or what is asked again would be refused."""
    assert SERVERS_SECONDS == RETRY


@BY_SERVER
def test_what_a_server_has_not_told_is_asked_again(line, text):
    """After ten minutes, until it is known; MAP-E or DS-Lite begins then."""
    router = line(text)
    assert router.watch() == SERVERS_SECONDS
    router.wait(SERVERS_SECONDS / 2)
    assert router.watch() == SERVERS_SECONDS / 2  # news in between change nothing
    router.wait(SERVERS_SECONDS / 2)
    assert router.watch() == 2 * SERVERS_SECONDS
    assert router.machine.state.tunnels == ()
    router.wait(2 * SERVERS_SECONDS)
    answer(router.machine)
    assert router.watch() == TTL
    assert [tunnel.name for tunnel in router.machine.state.tunnels] == ["mape0"]


def test_a_server_that_goes_on_refusing_is_asked_less_and_less_often(line):
    """It may count the tries, as one does that is told a wrong password; the log has each."""
    router = line(TEXT)
    pauses = []
    for _ in range(9):
        pauses.append(router.watch())
        router.wait(pauses[-1])
    assert pauses == [min(SERVERS_SECONDS * 2**at, SERVERS_LONGEST) for at in range(9)]
    assert pauses[-1] == SERVERS_LONGEST


@pytest.mark.parametrize("how", ["another prefix", "taken down and up"])
def test_what_is_new_is_asked_as_often_as_at_first(line, how):
    """What servers refused to another line, or before a `down`, says nothing of this one."""
    router = line(TEXT)
    for _ in range(9):
        router.wait(router.watch())
    if how == "another prefix":
        assert router.watch() == SERVERS_LONGEST
        router.machine.announced["wan0"] = (PREFIX.replace("2abc", "2def"),)
    else:
        handle_event(router.config, router.machine, Event.REMOVE)
        assert router.watch() is None
        with suppress(DualwanError):
            handle_event(router.config, router.machine, Event.APPLY)
    assert router.watch() == SERVERS_SECONDS


def test_what_another_run_keeps_from_being_asked_is_asked_after_it(line, monkeypatch):
    """And not at the next time, which is twice as far."""
    router = line(TEXT)
    router.wait(router.watch())
    answer(router.machine)

    def busy(*_):
        raise BusyError("another run is at work")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(watcher, "handle_event", busy)
        assert router.watch() == BUSY_SECONDS
    router.wait(BUSY_SECONDS)
    assert router.watch() == TTL - BUSY_SECONDS
    assert [tunnel.name for tunnel in router.machine.state.tunnels] == ["mape0"]


def test_a_provider_is_told_of_a_further_way_while_mape_has_no_rule(line):
    """One does not wait for the other."""

    def refuse(_path, _device, _ce):
        raise RemoteError("no answer within 10 s")

    def silent(machine):
        machine.call_update_url = refuse

    router = line(BY_NOBODY + FURTHER, silent=silent)
    assert router.machine.called == []
    assert router.watch() == SERVERS_SECONDS
    del router.machine.call_update_url
    router.wait(SERVERS_SECONDS)
    assert router.watch() is None
    assert router.machine.called == ["/root/further"]


def test_a_provider_that_was_not_told_our_end_is_told_later(line):
    """The fixed address was dead until the next event, or for a day."""

    def refuse(_path, device, ce):
        assert (device, ce) == ("wan0", CE)
        raise RemoteError("no answer within 10 s")

    def silent(machine):
        machine.call_update_url = refuse

    router = line(TOLD, silent=silent)
    assert router.watch() == SERVERS_SECONDS
    del router.machine.call_update_url
    router.wait(SERVERS_SECONDS)
    assert router.watch() is None
    assert router.machine.called == ["/root/update"]


@BY_SERVER
def test_nobody_is_asked_without_a_line(line, text):
    """The line's own return is news, and leads to the question."""
    router = line(text, silent=lambda machine: machine.announced.clear())
    assert router.watch() is None
    router.machine.announced["wan0"] = (PREFIX,)
    answer(router.machine)
    assert router.watch() == TTL
    assert [tunnel.name for tunnel in router.machine.state.tunnels] == ["mape0"]


@BY_SERVER
def test_what_is_known_is_not_asked_for(line, text):
    """Nothing wakes on a line that works, as long as the server's answer holds."""
    router = line(text, silent=answer)
    asked = len(router.machine.asked)
    assert router.watch() == TTL
    router.wait(TTL - 1)
    assert router.watch() == 1
    assert len(router.machine.asked) == asked


def test_an_answer_that_is_due_is_asked_for_anew(line):
    """A router may be up for months without an event, and its provider give it other terms."""
    router = line(TEXT, silent=answer)
    router.wait(router.watch())
    router.machine.answers["hb46pp"] = (ORIGIN, router.machine.clock + int(SERVERS_SECONDS), OTHER)
    router.wait(router.watch())
    assert router.watch() == TTL
    assert ipv4(router.config, router.machine).startswith("198.51.100.")


@BY_SERVER
def test_an_answer_about_another_prefix_is_due(line, text):
    """The server was not to be had when the line was renumbered; it has other terms by now."""
    router = line(text, silent=answer)
    assert router.watch() == TTL
    router.machine.answers.clear()
    router.machine.names.clear()
    router.machine.announced["wan0"] = (PREFIX.replace("2abc", "2def"),)
    assert router.watch() == SERVERS_SECONDS
    assert [tunnel.name for tunnel in router.machine.state.tunnels] == ["mape0"]
    router.wait(SERVERS_SECONDS)
    answer(router.machine)
    assert router.watch() == TTL


def test_an_aftr_that_has_moved_is_found(line):
    """It is looked up once a day: nobody tells the router."""
    router = line(BY_AFTR, silent=answer)
    router.wait(router.watch())
    router.machine.names[AFTR] = MOVED
    assert router.watch() == SERVERS_SECONDS
    router.wait(SERVERS_SECONDS)
    assert router.watch() == TTL
    assert [tunnel.remote for tunnel in router.machine.state.tunnels] == [MOVED]


@pytest.mark.parametrize("clock", [-TTL, 100 * TTL], ids=["set back", "of 1970 before"])
def test_a_clock_that_was_set_is_no_reason_to_wait(line, clock):
    """For years, or for ever."""
    router = line(BY_AFTR, silent=answer)
    assert router.watch() == TTL
    router.machine.clock += clock
    router.wait(router.watch())
    assert router.watch() == TTL


def test_an_aftr_in_figures_is_never_looked_up(line):
    """There is nothing to ask for."""
    assert line(BY_AFTR.replace(AFTR, ADDRESS)).watch() is None


@BY_SERVER
def test_an_answer_that_cannot_be_had_anew_stays(line, text):
    """The server is asked less and less often, and the tunnel goes on as before."""
    router = line(text, silent=answer)
    router.machine.answers.clear()
    router.machine.names.clear()
    before = ipv4(router.config, router.machine), router.machine.state.tunnels
    pauses = []
    for _ in range(9):
        pauses.append(router.watch())
        router.wait(pauses[-1])
    assert pauses == [TTL, *(min(SERVERS_SECONDS * 2**at, SERVERS_LONGEST) for at in range(8))]
    assert (ipv4(router.config, router.machine), router.machine.state.tunnels) == before

"""S2: the address of DS-Lite's AFTR: where it is known from, and when it is asked for."""

from contextlib import suppress

import pytest
from machine import BASE, Machine, config

from dualwan.errors import HostError
from dualwan.handle import handle_event
from dualwan.line.provisioning import aftr
from dualwan.line.provisioning.cache import AnswerCache, Entry, decode, encode
from dualwan.model.event import Event
from dualwan.model.state import RunState

NAME, ADDRESS, PREFIX = "gw.example.jp", "2001:db8:ffff::64", "2001:db8:12:3400::/64"
DS_LITE = BASE.split("[mape]", maxsplit=1)[0] + f'[mape]\nmode = "ds-lite"\naftr = "{NAME}"\n'
CONFIG = config(DS_LITE + "[pppoe]\ndial = false\n")


class Services:
    """The cache alone."""

    def __init__(self, entry=None):
        self.answers = AnswerCache({aftr.SOURCE: entry} if entry else {})

    def load_answers(self):
        """Return what was saved, by way of the file's text."""
        return decode(encode(self.answers))


def known(state=RunState(), entry=None):  # noqa: B008 - frozen
    """Return what is known of the AFTR on a line with PREFIX."""
    return aftr.known(CONFIG.mape, state, (PREFIX,), Services(entry))


def test_an_address_in_the_configuration_needs_no_name_server():
    """It is used at once."""
    literal = config(DS_LITE.replace(NAME, ADDRESS))
    assert aftr.known(literal.mape, RunState(), (), Services()) == ADDRESS


@pytest.mark.parametrize(("name", "address"), [(NAME, ADDRESS), ("", ADDRESS), ("other.jp", "")])
def test_the_last_answer_counts_for_its_name(name, address):
    """One that 0.1.0 noted has no name, and counts; one of another name does not."""
    assert known(RunState(aftr=ADDRESS, aftr_name=name)) == address


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        (Entry(NAME, 7, PREFIX, ADDRESS), ADDRESS),
        (Entry("other.jp", 7, PREFIX, ADDRESS), ""),
        (Entry(NAME, 7, "2001:db8:77::/64", ADDRESS), ""),
        (Entry(NAME, 7, PREFIX, "fe80::1"), ""),
        (Entry(NAME, 7, PREFIX, "::1"), ""),
        (Entry(NAME, 7, PREFIX, "no address"), ""),
    ],
)
def test_what_outlived_a_boot_counts_for_its_name_and_prefix(entry, address):
    """And only if it is an address that an AFTR can have: the file may be edited by hand."""
    assert known(RunState(), entry) == address


def line():
    """Return a machine on a line with a prefix, whose name servers do not answer yet."""
    machine = Machine("wan0", "lan0", "ppp0")
    machine.announced["wan0"] = (PREFIX,)
    return machine


def far_ends(machine):
    """Return the far ends of the machine's tunnels."""
    return [tunnel.remote for tunnel in machine.state.tunnels]


@pytest.mark.parametrize("event", [Event.PPP_UP, Event.PPP_DOWN, Event.PREFIX_CHANGED, Event.UP])
def test_it_is_asked_for_again_at_each_event_until_known(log, event):
    """Nothing answers at ifup; whatever happens next is a chance."""
    machine = line()
    with pytest.raises(Exception, match="not known yet"):
        handle_event(CONFIG, machine, Event.UP)
    assert far_ends(machine) == []
    machine.names = {NAME: ADDRESS}
    handle_event(CONFIG, machine, event)
    assert far_ends(machine) == [ADDRESS]
    assert log


def test_an_event_of_pppoe_asks_no_more_once_it_is_known():
    """A reconnect is as quick as before."""
    machine = line()
    machine.names = {NAME: ADDRESS}
    handle_event(CONFIG, machine, Event.UP)
    machine.names = {NAME: "2001:db8:ffff::65"}
    handle_event(CONFIG, machine, Event.PPP_UP)
    assert far_ends(machine) == [ADDRESS]


def test_after_ifdown_nobody_is_asked():
    """The tunnel is not wanted then."""
    machine = line()
    handle_event(CONFIG, machine, Event.DOWN)
    machine.names = {NAME: ADDRESS}
    handle_event(CONFIG, machine, Event.PPP_UP)
    assert (machine.run_state.aftr, far_ends(machine)) == ("", [])


@pytest.mark.parametrize(("prefix", "ends"), [(PREFIX, [ADDRESS]), ("2001:db8:77::/64", [])])
def test_after_ifdown_what_is_known_counts_for_its_prefix(log, prefix, ends):
    """As after a boot: another line, of the same provider too, may have another AFTR."""
    machine = line()
    machine.names = {NAME: ADDRESS}
    for event in (Event.UP, Event.DOWN):
        handle_event(CONFIG, machine, event)
    machine.names, machine.announced["wan0"] = {}, (prefix,)
    with suppress(HostError):
        handle_event(CONFIG, machine, Event.UP)
    assert far_ends(machine) == ends
    assert any("no such name" in text for text in log)
    machine.names = {NAME: "2001:db8:ffff::65"}
    handle_event(CONFIG, machine, Event.PPP_UP)
    assert far_ends(machine) == ["2001:db8:ffff::65"]


def test_a_boot_without_a_name_server_takes_the_last_answer(log):
    """And asks again as soon as it can."""
    machine = line()
    machine.names = {NAME: ADDRESS}
    handle_event(CONFIG, machine, Event.UP)
    rebooted = line()
    rebooted.cache = machine.cache
    handle_event(CONFIG, rebooted, Event.UP)
    assert far_ends(rebooted) == [ADDRESS]
    assert any("no such name" in text for text in log)
    rebooted.names = {NAME: "2001:db8:ffff::65"}
    handle_event(CONFIG, rebooted, Event.PPP_UP)
    assert far_ends(rebooted) == ["2001:db8:ffff::65"]
    assert rebooted.cache.entries[aftr.SOURCE] == Entry(NAME, 0, PREFIX, "2001:db8:ffff::65")


def test_an_answer_that_an_ifdown_has_overtaken_is_of_the_line_before(log):
    """The cable may lead to another line by the next ifup, and that has another AFTR."""
    machine, resolve = line(), Machine.resolve
    machine.names = {NAME: ADDRESS}

    def late(*arguments):
        del machine.resolve
        handle_event(CONFIG, machine, Event.DOWN)
        machine.announced["wan0"] = ("2001:db8:77::/64",)
        return resolve(machine, *arguments)

    machine.resolve = late
    with suppress(HostError):
        handle_event(CONFIG, machine, Event.UP)
    assert (machine.run_state.aftr, far_ends(machine)) == ("", [])
    machine.names = {}
    with suppress(HostError):
        handle_event(CONFIG, machine, Event.UP)
    assert far_ends(machine) == []
    assert log

"""A removal that leaves a WAN up says what is open then."""

import pytest
from machine import Machine, config, run

from dualwan import handle
from dualwan.model.event import Event
from dualwan.report import plan as report

IPV4, IPV6 = "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"


def removed(*forwards, given=True, wan=True):
    """Return the warnings of a removal; ``forwards``: sysctls that were on before us."""
    machine = Machine("wan0", "lan0")
    for name in forwards:
        machine.set_sysctl(name, "1")
    run(machine, config(), Event.APPLY)
    if not wan:
        machine.switch("wan0", up=False)
    result = handle.handle_event(config() if given else None, machine, Event.REMOVE)
    assert machine.state.tables == ()
    return result.warnings, report.text(result, (), everything=False)


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    ("forwards", "words"), [((IPV6,), "IPv6"), ((IPV4, IPV6), "IPv4 and IPv6")]
)
def test_the_lan_is_open_then(forwards, words, given, log):
    """The person, apt's user and the log hear of it; without a configuration too."""
    (sentence,), shown = removed(*forwards, given=given)
    assert sentence.startswith(f"wan0 is still up, and the machine forwards {words} as it did")
    assert "take the WAN down" in sentence
    assert f"warning: {sentence}" in shown
    assert [line for line in log if sentence in line] == [f"{sentence} (cause=down code=DW-4VDHJ)"]


@pytest.mark.parametrize("given", [True, False])
def test_the_machine_itself_is_open_where_nothing_is_forwarded(given, log):
    """Forwarding was ours alone and went with us; what listens on the router is reached."""
    (sentence,), shown = removed(given=given)
    assert sentence.startswith("wan0 is still up: without a firewall the services of this machine")
    assert f"warning: {sentence}" in shown
    assert any(sentence in line for line in log)


def test_nothing_is_said_where_nothing_is_open():
    """A WAN that is down."""
    assert removed(wan=False)[0] == ()
    assert removed(IPV4, IPV6, wan=False)[0] == ()


def test_what_was_not_there_is_not_missed():
    """A second removal takes no firewall away."""
    machine = Machine("wan0", "lan0")
    machine.set_sysctl(IPV6, "1")
    assert handle.handle_event(config(), machine, Event.REMOVE).warnings == ()

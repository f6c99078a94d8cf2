"""IPv6 switched off on the WAN, as by a file of sysctl.d: said, and nothing else waits for it."""

from dataclasses import replace

import pytest
from doctor_cases import Doctored
from machine import CE, Machine, config, run

from dualwan.model.event import Event
from dualwan.model.resources import MAIN, Address
from dualwan.planning import make_plan
from dualwan.report import doctor as report
from dualwan.report.verdict import verdict
from dualwan.slices import tunnel

OFF = "net/ipv6/conf/wan0/disable_ipv6"
SENTENCE = f"IPv6 is switched off on wan0 (sysctl {OFF} = 1): set it to 0"
DERIVED = 'br = "2001:db8:ffff::9"\nce = "2001:db8:0:100:99:f000:0:100"\nipv4 = "192.0.2.18"\n'
CONFIGS = {
    "the CE configured": config(),
    "the CE derived": config(
        a='"manual" -> "auto"', b=f"{DERIVED} -> ", c="psid = 1\npsid-length = 6\n -> "
    ),
}


def switched_off(machine):
    """Return MACHINE after the kernel has taken away what is IPv6 of the WAN."""
    machine.set_sysctl(OFF, "1")
    machine.lose_address(Address("wan0", CE))
    machine.state = replace(machine.state, ipv6_default=False)
    return machine


def cause(machine, cfg):
    """Return what the status begins with."""
    return verdict(cfg, make_plan(cfg, machine, Event.APPLY)).cause


@pytest.mark.parametrize("cfg", CONFIGS.values(), ids=CONFIGS)
def test_the_cause_is_said_and_not_what_follows_from_it(cfg):
    """Neither an address that the kernel refuses, nor a prefix that the line would announce."""
    machine = switched_off(Machine("wan0", "lan0"))
    (problem,) = run(machine, cfg, Event.UP)
    assert problem.startswith(SENTENCE)
    assert cause(machine, cfg) == problem


def test_doctor_sends_nobody_to_the_provider():
    """No advertisement is heard either, but that is not the line's fault."""
    case = Doctored()
    case.hears(advertisements=())
    case.host.set_sysctl(OFF, "1")
    case.plan_changes(ipv6_default=False)
    first = report.text(case.diagnose()).splitlines()[0].split(maxsplit=2)
    assert first[:2] == ["failed", "advertisement:"]
    assert first[2].startswith(SENTENCE)


def test_the_routes_do_not_wait_for_the_address():
    """With failover the LAN takes PPPoE, as where the line has no IPv6."""
    machine, cfg = Machine("wan0", "lan0"), config(a='"wan0" -> "wan0"\nfailover = true')
    run(machine, cfg, Event.UP)
    machine.connect("203.0.113.7")
    run(switched_off(machine), cfg, Event.PPP_UP, Event.MEND)
    metrics = {one.device: one.metric for one in machine.state.routes if one.table == MAIN}
    assert metrics["mape0"] == tunnel.LAST_METRIC


def test_what_the_watcher_follows_brings_the_address_back():
    """A write to the sysctl wakes it."""
    machine, cfg = Machine("wan0", "lan0"), config()
    run(switched_off(machine), cfg, Event.UP)
    assert OFF in make_plan(cfg, machine, Event.MEND).observed.sysctls
    machine.set_sysctl(OFF, "0")
    assert run(machine, cfg, Event.MEND) == []
    assert CE in {one.address for one in machine.state.addresses}
    assert "switched off" not in cause(machine, cfg)

"""A VPN as a way to the internet, [way.NAME] type = "vpn": what it leads, and what stays shut."""

from dataclasses import replace

import pytest
from doctor_cases import BASE as DOCTORS
from doctor_cases import WORKS, Doctored
from machine import BASE, Machine, config, kernel_state, ours, pending, run, wanted_tables

from dualwan.config import from_text
from dualwan.config.forwards import PPPOE as PPPOE_TYPE
from dualwan.config.ways import TYPES
from dualwan.errors import ConfigError
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.evidence import OfWay
from dualwan.model.resources import MAIN, Flows, Route, RouteRule
from dualwan.planning import make_plan
from dualwan.report import opened, status

VPN = """
[way.tor]
type = "vpn"
interface = "wg0"
"""
ADDRESS, PPPOE = "10.64.0.2", "203.0.113.7"
ZONE = '[zone.guest]\ninterfaces = ["{}"]\nways = ["tor"]\n'


@pytest.fixture(name="cfg")
def _cfg():
    return config(BASE + VPN)


@pytest.fixture(name="machine")
def _machine(cfg):
    """Return a router whose three ways are up."""
    machine = Machine("wan0", "lan0")
    machine.connect(PPPOE)
    machine.connect(ADDRESS, "wg0", "wireguard")
    assert run(machine, cfg, Event.UP) == []
    return machine


def text(cfg, place):
    """Return the text of one of the tables of the firewall, NAT and routing."""
    return wanted_tables(cfg)[place].source()


def test_it_has_what_a_session_has(machine):
    """A table of its own, and rules by mark and source, that follow its address."""
    assert Route(102, "wg0") in machine.state.routes
    assert RouteRule(104, 102, ADDRESS) in machine.state.rules
    assert RouteRule(105, 102, mark=0x02000000, mask=0x0F000000) in machine.state.rules
    assert machine.state.sysctls["net/ipv4/conf/wg0/rp_filter"] == "0"
    assert not [one for one in machine.state.routes if (one.table, one.device) == (MAIN, "wg0")]


def test_it_is_left_to_the_program_that_makes_it(machine, cfg):
    """Up and down as it likes: routes and rules follow with the next look."""
    machine.unplug("wg0")
    run(machine, cfg, Event.MEND)
    assert Route(102, "wg0") not in machine.state.routes
    machine.applied.clear()
    machine.connect("10.64.0.3", "wg0", "wireguard")
    run(machine, cfg, Event.MEND)
    assert Route(102, "wg0") in machine.state.routes
    gone = [step.resource.address for step in machine.applied if isinstance(step.resource, Flows)]
    assert gone == [ADDRESS]
    assert pending(machine, cfg, Event.APPLY) == []


def test_nothing_comes_in_by_it(cfg):
    """No service of the router, and no neighbour discovery of IPv6; what goes out is translated."""
    firewall = text(cfg, 0)
    assert 'iifname { "ppp0" } jump offers' in firewall
    assert 'iifname "wg0"' not in firewall
    assert 'oifname "wg0" masquerade' in text(cfg, 1)
    assert '"wg0" : jump mss_tor' in firewall
    assert "size set 1380" in firewall


def test_its_own_private_addresses_may_answer(cfg):
    """Its name server has one; those of the LAN are still nobody's outside."""
    firewall = wanted_tables(cfg)[0]
    (rules,) = (one.lines for one in firewall.blocks if one.name == "outside_vpns")
    assert '"wg0" : goto outside_vpns' in firewall.source()
    assert not any("bogon" in rule for rule in rules)
    assert 'meta nfproto ipv4 fib saddr oifname { "lan0" } drop' in rules


def test_it_does_not_stand_in_for_mape():
    """It may be carried by MAP-E: as the default route it would lead into itself."""
    cfg = config(BASE + VPN, failover='interface = "wan0" -> interface = "wan0"\nfailover = true')
    assert [way.name for way in derive_line(cfg).ways if way.stands_in] == ["pppoe"]


def test_a_zone_and_a_policy_may_take_it():
    """As any other way."""
    policy = '[[policy]]\nway = "tor"\nfallback = "none"\nsource = ["192.168.1.9"]\n'
    found = text(config(BASE + VPN + ZONE.format("lan1") + policy), 2)
    assert '"lan1" : jump zone_way_guest' in found
    assert "goto by_tor_or_none" in found


def test_no_flow_by_it_takes_the_short_cut():
    """The flowtable would see its packets in one direction alone."""
    cfg = config(BASE + VPN + "[firewall]\noffload = true\n")
    machine = Machine("wan0", "lan0")
    machine.connect(ADDRESS, "wg0", "wireguard")
    run(machine, cfg, Event.UP)
    (table,) = (one for one in machine.state.tables if one.name == "dualwan_offload")
    assert "ppp0" in table.source()
    assert "wg0" not in table.source()


def test_after_ifdown_the_firewall_outlives_the_rest(machine, cfg):
    """As long as it leads outside; `down` leaves nothing."""
    machine.unplug("ppp0")
    run(machine, cfg, Event.DOWN)
    machine.switch("wan0", up=False)
    run(machine, cfg, Event.POST_DOWN)
    assert {one.name for one in machine.state.tables} == {"dualwan_firewall"}
    run(machine, cfg, Event.MEND)
    assert {one.name for one in machine.state.tables} == {"dualwan_firewall"}
    before = Machine("wan0", "lan0")
    before.connect(ADDRESS, "wg0", "wireguard")
    before.switch("wan0", up=False)
    run(machine, cfg, Event.REMOVE)
    assert (ours(machine), kernel_state(machine)) == ((), kernel_state(before))


def test_a_standby_has_a_firewall_alone(machine):
    """Its VPN may stay up, for nobody hangs that up."""
    of_two = config(BASE + VPN + "[router]\nredundant = true\n")
    machine.unplug("ppp0")
    run(machine, of_two, Event.UP)
    assert {one.name for one in machine.state.tables} == {"dualwan_firewall"}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (ZONE.format("wg0"), "is listed twice, also in"),
        (ZONE.format("wg*"), "'wg*' covers 'wg0' (way.tor.interface) too"),
        (VPN.replace("way.tor", "way.b"), "is listed twice, also in way.tor.interface"),
        (
            '[[forward]]\nvia = "tor"\nprotocol = "tcp"\nport = 80\nto = "192.168.1.5"\n',
            "forward.via: nothing comes in by a VPN",
        ),
        (
            '[firewall]\ninbound = [{ service = "ssh", via = "tor" }]\n',
            "firewall.inbound: nothing comes in by a VPN",
        ),
    ],
)
def test_what_is_wrong_is_said(more, message):
    """One device is a way or of a zone; nothing is led in by it."""
    with pytest.raises(ConfigError) as error:
        from_text("f", BASE + VPN + more)
    assert message in str(error.value)


@pytest.mark.parametrize("key", ['peer = "a"', "dial = false", 'addresses = ["198.51.100.8/29"]'])
def test_what_it_does_not_have_is_refused(key):
    """Keys of other types of a way."""
    with pytest.raises(ConfigError, match="unknown key"):
        from_text("f", BASE + VPN + key + "\n")


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda host: host.plug("any0"), "wg0 has 10.64.0.2"),
        (lambda host: host.unplug("wg0"), "there is no interface wg0"),
        (lambda host: host.switch("wg0", up=False), "wg0 is down"),
        (lambda host: (host.unplug("wg0"), host.plug("wg0")), "wg0 has no IPv4 address"),
    ],
)
def test_doctor_looks_for_its_device_and_address(change, seen):
    """And tells who brings it up; a session it is not."""
    made = Doctored(DOCTORS + VPN)
    made.host.connect(ADDRESS, "wg0", "wireguard")
    change(made.host)
    made.plan = make_plan(made.config, made.host, Event.APPLY)
    made.evidence = replace(WORKS, ways={"tor": OfWay(True, hop="10.64.0.1")})
    (found,) = (one.answer for one in made.diagnose() if one.check.name == "way.tor")
    assert found.seen.startswith(seen)
    assert ("wg-quick" in found.remedy) is ("10.64" not in seen)


def test_status_shows_it_like_any_other_way(machine, cfg):
    """With what it is in the place of a peer; each type of way has such a word."""
    plan = make_plan(cfg, machine, Event.APPLY)
    lines = status.text(status.as_data(cfg, plan)).splitlines()
    assert "tor      wg0 up, 10.64.0.2, VPN" in lines
    assert {PPPOE_TYPE, *opened.NAMES} >= {*TYPES}

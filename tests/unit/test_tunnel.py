"""The tunnel slice: sysctls, CE address, device and route, and their order."""

from dataclasses import replace

import pytest
from machine import BASE, CE, Machine, config, look, plan_of, run
from plans import shown

from dualwan.model.event import Event
from dualwan.model.observed import Observed
from dualwan.model.plan import Action
from dualwan.model.resources import MAIN, Address, Flows, Route, Sysctl, Tunnel
from dualwan.model.state import RunState
from dualwan.slices import tunnel

ZONE = '[zone.guest]\ninterfaces = ["guest0"]\n'
TUNNEL = Tunnel("mape0", CE, "2001:db8:ffff::9", "wan0", 1460)


def fresh():
    """Return what is seen before the first ifup, the WAN being up."""
    return look(Machine("wan0", "lan0"), config(), tunnel.SLICE)


def test_the_first_ifup_of_the_tunnel():
    """In the order that keeps the IPv6 default route and gives the tunnel its source."""
    assert shown(plan_of(tunnel, config(), fresh(), True)) == [
        "~ sysctl net/ipv6/conf/wan0/accept_ra 1 -> 2",
        "~ sysctl net/ipv6/conf/all/forwarding 0 -> 1",
        "~ sysctl net/ipv4/ip_forward 0 -> 1",
        f"+ address {CE}/128 dev wan0 deprecated",
        f"+ tunnel mape0 local {CE} remote 2001:db8:ffff::9 dev wan0 mtu 1460",
        "+ address 192.0.2.18/32 dev mape0",
        "+ route default dev mape0 table main",
        "+ sysctl net/ipv4/conf/mape0/rp_filter = 2",
    ]


def test_a_lan_that_hears_advertisements_while_it_forwards_gets_no_default_route_by_them():
    """accept_ra 2 on the LAN, which somebody has set, stays; its routers are no way out."""
    seen = fresh()
    seen = replace(seen, sysctls={**seen.sysctls, "net/ipv6/conf/lan0/accept_ra": "2"})
    lines = shown(plan_of(tunnel, config(), seen, True))
    assert [line for line in lines if "lan0" in line] == [
        "~ sysctl net/ipv6/conf/lan0/accept_ra_defrtr 1 -> 0"
    ]


def test_a_lan_that_0_1_0_let_hear_advertisements_is_put_back():
    """0.1.0 set it to 2, for the sake of a default route that a router must not have."""
    seen = fresh()
    seen = replace(seen, sysctls={**seen.sysctls, "net/ipv6/conf/lan0/accept_ra": "2"})
    state = RunState(sysctls={"tunnel": {"net/ipv6/conf/lan0/accept_ra": "1"}})
    lines = shown(plan_of(tunnel, config(), seen, True, state))
    assert [line for line in lines if "lan0" in line] == [
        "- sysctl net/ipv6/conf/lan0/accept_ra 2 -> 1 (as it was before)"
    ]


@pytest.mark.parametrize(("more", "source"), [("", "lan0"), (ZONE, "guest0")], ids=["lan", "zone"])
def test_where_the_prefix_is_taken_from_a_device_inside_no_advertisement_is_heard_there(
    more, source
):
    """They are our own, and of whoever is on the LAN: the old prefix would never go from there."""
    text = f'provider = "manual" -> provider = "manual"\nprefix-from = "{source}"'
    seen = fresh()
    seen = replace(seen, sysctls={**seen.sysctls, f"net/ipv6/conf/{source}/accept_ra": "1"})
    lines = shown(plan_of(tunnel, config(BASE + more, a=text), seen, True))
    assert [line for line in lines if source in line] == []


def test_where_the_prefix_is_taken_from_another_device_outside_it_goes_on_being_heard():
    """A second network card on the line."""
    cfg = config(a='provider = "manual" -> provider = "manual"\nprefix-from = "line0"')
    seen = fresh()
    seen = replace(seen, sysctls={**seen.sysctls, "net/ipv6/conf/line0/accept_ra": "1"})
    lines = shown(plan_of(tunnel, cfg, seen, True))
    assert [line for line in lines if "line0" in line] == [
        "~ sysctl net/ipv6/conf/line0/accept_ra 1 -> 2"
    ]


@pytest.mark.parametrize("who", ["systemd-networkd", "NetworkManager", "dhcpcd"])
def test_what_hears_advertisements_instead_of_the_kernel_is_left_alone(who):
    """It has set accept_ra to 0, and installs the default route itself."""
    seen = fresh()
    seen = replace(
        seen, hearing={"wan0": who}, sysctls={**seen.sysctls, "net/ipv6/conf/wan0/accept_ra": "0"}
    )
    state = RunState(sysctls={"tunnel": {"net/ipv6/conf/wan0/accept_ra": "1"}})
    for up in (True, False):  # noted before it came: it stays as that program has set it
        lines = shown(plan_of(tunnel, config(), seen, up, state))
        assert not any("wan0/accept_ra" in line or "solicitation" in line for line in lines)


def test_accept_ra_0_that_no_program_stands_for_is_set():
    """Who heard the advertisements has ended: the kernel hears them again, and asks for one."""
    seen = fresh()
    seen = replace(
        seen,
        ipv6_default=False,
        sysctls={**seen.sysctls, "net/ipv6/conf/wan0/accept_ra": "0"},
    )
    lines = shown(plan_of(tunnel, config(), seen, True))
    assert "~ sysctl net/ipv6/conf/wan0/accept_ra 0 -> 2" in lines
    assert "+ router solicitation on wan0" in lines


def test_a_lan_that_does_not_hear_advertisements_is_left_alone():
    """accept_ra 0 on the LAN, the rule for a router, stays 0."""
    seen = fresh()
    seen = replace(seen, sysctls={**seen.sysctls, "net/ipv6/conf/lan0/accept_ra": "0"})
    assert not any("lan0" in line for line in shown(plan_of(tunnel, config(), seen, True)))


def test_a_router_is_asked_for_when_the_kernel_begins_to_listen():
    """Without a default route it asks; with one, or when it listened already, it does not."""
    asking = "+ router solicitation on wan0"
    deaf = replace(fresh(), ipv6_default=False)
    assert asking in shown(plan_of(tunnel, config(), deaf, True))
    assert asking not in shown(plan_of(tunnel, config(), fresh(), True))
    hears = replace(deaf, sysctls={**deaf.sysctls, "net/ipv6/conf/wan0/accept_ra": "2"})
    assert asking not in shown(plan_of(tunnel, config(), hears, True))


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ({}, "wan0 (wan.interface) does not exist"),
        ({"wan0": "down"}, "wan0 (wan.interface) is down; ifup wan0 brings it up"),
        ({"wan0": "up", "mape0": "veth"}, "mape0 (mape.tunnel) is there already, and is no IPv6"),
    ],
)
def test_what_stands_in_the_way_is_said_in_words(links, says):
    """A tunnel that cannot be made is not tried; the line is listened to all the same."""
    machine = Machine()
    for device, kind in links.items():
        machine.plug(device, kind if kind == "veth" else "", up=kind != "down")
    plan = plan_of(tunnel, config(), look(machine, config(), tunnel.SLICE), True)
    assert {type(step.resource) for step in plan.changes} == {Sysctl}
    assert says in plan.problems[0]


def test_a_tunnel_that_differs_is_changed_whole():
    """Another relay, or a tunnel that somebody set down, is one change of one device."""
    for there in (replace(TUNNEL, remote="2001:db8:ffff::8"), replace(TUNNEL, up=False)):
        seen = replace(fresh(), tunnels=(there,))
        assert [
            line[0]
            for line in shown(plan_of(tunnel, config(), seen, True))
            if " tunnel mape0 " in line
        ] == ["~"]


def test_taking_down_goes_the_other_way_round():
    """What was made last goes first, and other routes and addresses stay."""
    seen = Observed(
        addresses=(
            Address("wan0", CE, deprecated=True),
            Address("wan0", "2001:db8::5"),
            Address("mape0", "192.0.2.18"),
        ),
        tunnels=(TUNNEL,),
        routes=(Route(MAIN, "mape0"), Route(100, "ppp0")),
        sysctls={"net/ipv4/ip_forward": "1"},
    )
    state = RunState(sysctls={"tunnel": {"net/ipv4/ip_forward": "0"}})
    assert shown(plan_of(tunnel, config(), seen, False, state)) == [
        "- route default dev mape0 table main",
        "- address 192.0.2.18/32 dev mape0",
        f"- {TUNNEL.text}",
        f"- address {CE}/128 dev wan0 deprecated",
        "- sysctl net/ipv4/ip_forward 1 -> 0 (as it was before)",
    ]


def test_a_sysctl_of_this_kernel_only():
    """Without IPv6 forwarding in /proc there is nothing to set."""
    seen = replace(fresh(), sysctls={})
    steps = plan_of(tunnel, config(), seen, True).changes
    assert [step.resource for step in steps if isinstance(step.resource, Sysctl)] == [
        Sysctl("net/ipv4/conf/mape0/rp_filter", "2")
    ]


FOREIGN = Address("mape0", "10.9.0.1")


@pytest.mark.parametrize("first", [True, False])
def test_addresses_of_others_on_the_tunnel_stay(first):
    """Invariant: what others put on our devices too; their flows go on, and no event changes it."""
    router = Machine("wan0", "lan0")
    run(router, config(), Event.UP)
    there = router.state.addresses
    both = (FOREIGN, *there) if first else (*there, FOREIGN)
    router.state = replace(router.state, addresses=both)
    router.applied.clear()
    assert run(router, config(), Event.UP, Event.MEND, Event.PPP_UP, Event.APPLY) == []
    assert router.applied == []
    moved = config(a='ipv4 = "192.0.2.18" -> ipv4 = "192.0.2.19"')
    assert run(router, moved, Event.APPLY, Event.APPLY) == []
    on_it = {item.address for item in router.state.addresses if item.device == "mape0"}
    assert on_it == {FOREIGN.address, "192.0.2.19"}, "what was ours before goes"
    assert [one.resource.address for one in router.applied if isinstance(one.resource, Flows)] == [
        "192.0.2.18"
    ]
    run(router, moved, Event.DOWN)
    removed = [one.resource for one in router.applied if one.action is Action.REMOVE]
    assert FOREIGN not in removed, "it goes with the device alone"


def test_our_address_of_before_is_known_by_the_run_state():
    """The tunnel has it, and the configuration has another: it goes, and so do its flows."""
    seen = replace(fresh(), tunnels=(TUNNEL,), addresses=(Address("mape0", "192.0.2.7"), FOREIGN))
    lines = shown(plan_of(tunnel, config(), seen, True, RunState(softwires={"mape": "192.0.2.7"})))
    assert "- address 192.0.2.7/32 dev mape0" in lines
    assert not any(FOREIGN.address in line for line in lines)


THEIRS, OURS = Address("wan0", CE), Address("wan0", CE, deprecated=True)


def test_an_address_that_stood_before_is_put_back_rather_than_removed():
    """S3: a script's CE address is used, noted as it was, and as it was again after down."""
    machine, cfg = Machine("wan0", "lan0"), config()
    machine.state = replace(machine.state, addresses=(THEIRS,))
    run(machine, cfg, Event.APPLY, Event.APPLY)
    assert (machine.run_state.found, machine.run_state.addresses) == ((THEIRS,), ())
    assert OURS in machine.state.addresses
    run(machine, cfg, Event.REMOVE)
    assert machine.state.addresses == (THEIRS,)
    assert machine.run_state.found == ()


def test_an_address_that_stood_before_is_put_back_without_a_configuration_too():
    """By the run state alone."""
    machine = Machine("wan0", "lan0")
    machine.state = replace(machine.state, addresses=(THEIRS,))
    run(machine, config(), Event.APPLY)
    run(machine, None, Event.REMOVE)
    assert machine.state.addresses == (THEIRS,)


def test_an_address_that_stood_before_is_left_behind_when_the_prefix_changes():
    """Another CE is ours; the one of others goes back to what it was."""
    machine, other = Machine("wan0", "lan0"), CE.replace(":100:99:", ":200:99:")
    machine.state = replace(machine.state, addresses=(THEIRS,))
    run(machine, config(), Event.APPLY)
    run(machine, config(ce=f"{CE} -> {other}"), Event.APPLY)
    assert set(machine.state.addresses) >= {THEIRS, Address("wan0", other, deprecated=True)}
    assert machine.run_state.found == ()


def test_down_takes_no_address_that_nobody_noted():
    """Without an apply, or with a lost run state: only what is deprecated, as ours is, is ours."""
    for there, left in ((THEIRS, (THEIRS,)), (OURS, ())):
        machine = Machine("wan0", "lan0")
        machine.state = replace(machine.state, addresses=(there,))
        run(machine, config(), Event.REMOVE)
        assert machine.state.addresses == left


def test_an_address_that_its_owner_removed_is_ours_once_it_is_added():
    """The script was stopped meanwhile."""
    machine = Machine("wan0", "lan0")
    machine.state = replace(machine.state, addresses=(THEIRS,))
    run(machine, config(), Event.APPLY)
    machine.state = replace(machine.state, addresses=())
    run(machine, config(), Event.APPLY)
    assert (machine.run_state.found, machine.run_state.addresses) == ((), (THEIRS,))
    run(machine, config(), Event.REMOVE)
    assert machine.state.addresses == ()

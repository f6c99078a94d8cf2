"""What a run returns: what was applied, what failed and what is left."""

import pytest
from machine import CE, Machine, config

from dualwan.model.event import Event
from dualwan.reconcile import reconcile


def texts(plans):
    """Return the steps of plans as text."""
    return [f"{step.sign} {step.text}" for item in plans for step in item.changes]


@pytest.fixture(name="machine")
def _machine():
    return Machine("wan0", "lan0")


def test_all_is_applied_and_nothing_is_left(machine):
    """Each step with its slice, in the order of doing."""
    result = reconcile(config(), machine, Event.APPLY)
    assert [step for _, step in result.applied] == machine.applied
    assert list(dict.fromkeys(name for name, _ in result.applied)) == [
        "firewall",
        "snat",
        "tunnel",
        "pbr",
    ]
    assert (result.failures, result.left, result.problems) == ({}, (), ())
    assert result.changes == len(machine.applied)


def test_a_refusal_leaves_the_rest_of_its_slice(machine):
    """The refused step and those behind it; the kernel is not read again for them."""
    machine.refuse = ["route default dev mape0"]
    result = reconcile(config(), machine, Event.APPLY)
    assert list(result.failures) == ["tunnel"]
    assert texts(result.left) == [
        "+ route default dev mape0 table main",
        "+ sysctl net/ipv4/conf/mape0/rp_filter = 2",
    ]
    assert f"+ address {CE}/128 dev wan0 deprecated" in texts(result.slices)


def test_a_slice_that_waits_is_left_whole(machine):
    """What needs a slice that was refused is not begun."""
    machine.refuse = ["dualwan_snat"]
    result = reconcile(config(), machine, Event.APPLY)
    assert result.failures["tunnel"] == "tunnel waits for snat"
    assert [item.name for item in result.left] == ["snat", "tunnel"]
    assert result.closed


def test_a_firewall_that_is_refused_leaves_the_machine_not_closed(machine):
    """PPPoE is not dialled then."""
    machine.refuse = ["dualwan_firewall"]
    assert not reconcile(config(), machine, Event.APPLY).closed


def test_what_does_not_last_is_left(machine):
    """Another program undoes a step each time: it is a failure, and it is left."""
    original = machine.apply

    def apply(step):
        original(step)
        machine.set_sysctl("net/ipv4/ip_forward", "0")

    machine.apply = apply
    result = reconcile(config(), machine, Event.APPLY)
    assert texts(result.left) == ["~ sysctl net/ipv4/ip_forward 0 -> 1"]
    assert result.failures == {
        "tunnel": "the kernel did not end as planned: ~ sysctl net/ipv4/ip_forward 0 -> 1"
    }

"""The machine in memory: what it refuses, and what would take the real one a wait or a deadlock.

tests/netns/test_double.py holds it against the real one.
"""

import pytest
from machine import CE, Machine

from dualwan.errors import KernelError, RecordError
from dualwan.model.observed import Reads
from dualwan.model.plan import Action, Step
from dualwan.model.resources import (
    Address,
    Flows,
    InboundFlows,
    Route,
    Solicitation,
    Sysctl,
    Tunnel,
)
from dualwan.model.state import RunState
from dualwan.nft.table import NftTable

TUNNEL = Tunnel("mape0", CE, "2001:db8:ffff::9", "wan0", 1460)
TABLE = NftTable("ip", "t")
ACCEPT_RA, FORWARDING = "net/ipv6/conf/wan0/accept_ra", "net/ipv6/conf/all/forwarding"


@pytest.fixture(name="machine")
def _machine():
    return Machine("wan0", "lan0")


def do(machine, action, resource):
    """Do one step under the lock."""
    with machine.lock(1):
        machine.apply(Step(action, resource))


@pytest.mark.parametrize(
    "act",
    [
        lambda machine: machine.lock(1).__enter__(),
        lambda machine: machine.dial("peer", "pppoe.peer"),
        lambda machine: machine.hang_up("peer", 1),
        lambda machine: machine.await_prefix("wan0", 1),
        lambda machine: machine.resolve("gw.example.jp", "wan0"),
    ],
)
def test_what_would_wait_for_the_lock_is_a_fault(machine, act):
    """A second lock, pppd (which runs our hooks), and whoever may take long to answer."""
    with machine.lock(20), pytest.raises(AssertionError):
        act(machine)


@pytest.mark.parametrize(
    "act",
    [
        lambda machine: machine.save_state(RunState()),
        lambda machine: machine.apply(Step(Action.ADD, TABLE)),
    ],
)
def test_what_needs_the_lock_is_a_fault_without(machine, act):
    """A state that is written, and a step."""
    with pytest.raises(AssertionError, match="without the lock"):
        act(machine)


@pytest.mark.parametrize(
    ("action", "resource", "words"),
    [
        (Action.ADD, Address("wan0", CE), f"adding address {CE}/128 dev wan0"),
        (Action.REMOVE, Route(100, "wan0"), "removing route default dev wan0 table 100"),
        (Action.ADD, TUNNEL, f"setting up {TUNNEL.text}"),
        (Action.REMOVE, TUNNEL, "removing mape0"),
        (Action.REMOVE, Flows("192.0.2.18"), "forgetting flows of 192.0.2.18"),
        (Action.REMOVE, InboundFlows(("wan0",)), "forgetting flows from outside"),
        (Action.CHANGE, Sysctl("a/b", "1"), "sysctl a/b = 1"),
        (Action.ADD, TABLE, "nft table ip t"),
    ],
)
def test_a_refusal_has_the_words_of_the_real_one(machine, action, resource, words):
    """What was tried, and the reason that a test gives."""
    machine.refuse = {resource.text: "Operation not permitted"}
    with pytest.raises(KernelError) as caught:
        do(machine, action, resource)
    assert str(caught.value) == f"{words}: Operation not permitted"
    assert machine.applied == []


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (Address("gone0", "192.0.2.18"), "the interface gone0 does not exist"),
        (Route(254, "gone0"), "the interface gone0 does not exist"),
        (Solicitation("gone0"), "router solicitation on gone0: No such device"),
        (Sysctl("a/b", "1"), "sysctl a/b = 1: No such file or directory"),
    ],
)
def test_what_hangs_on_a_device_needs_it(machine, resource, words):
    """Said as the kernel, or our own look at it, says it."""
    with pytest.raises(KernelError) as caught:
        do(machine, Action.ADD, resource)
    assert str(caught.value) == words


def test_a_route_needs_a_device_that_is_up(machine):
    """And goes when it is set down, with its IPv6 addresses; IPv4 ones stay."""
    machine.switch("wan0", up=False)
    with pytest.raises(KernelError, match="Network is down"):
        do(machine, Action.ADD, Route(100, "wan0"))
    machine.switch("wan0", up=True)
    for resource in (Route(100, "wan0"), Address("wan0", "192.0.2.18"), Address("wan0", CE)):
        do(machine, Action.ADD, resource)
    machine.switch("wan0", up=False)
    seen = machine.observe(Reads(devices=("wan0",), routes=True, ipv6_default="wan0"))
    assert (seen.routes, seen.addresses) == ((), (Address("wan0", "192.0.2.18"),))
    assert not seen.ipv6_default


@pytest.mark.parametrize(
    ("accept_ra", "forwarding", "heard"),
    [("0", "0", False), ("1", "0", True), ("1", "1", False), ("2", "1", True)],
)
def test_a_router_is_heard_as_the_sysctls_say(machine, accept_ra, forwarding, heard):
    """accept_ra 1 listens on a host only, 2 always."""
    machine.switch("wan0", up=False)
    machine.set_sysctl(ACCEPT_RA, accept_ra)
    machine.set_sysctl(FORWARDING, forwarding)
    machine.switch("wan0", up=True)
    assert machine.state.ipv6_default == heard


def test_a_router_that_does_not_answer_is_not_there(machine):
    """Until it advertises itself, on the line's device."""
    machine.router_answers = False
    machine.switch("wan0", up=False)
    machine.switch("wan0", up=True)
    do(machine, Action.ADD, Solicitation("wan0"))
    machine.advertise("lan0")
    assert not machine.state.ipv6_default
    machine.advertise("wan0")
    assert machine.state.ipv6_default


def test_a_table_that_is_deleted_is_gone(machine):
    """The record of it stays, as a file would."""
    do(machine, Action.ADD, TABLE)
    machine.delete_table("t")
    assert machine.table_names() == frozenset()


def test_a_record_that_cannot_be_kept_is_told_after_the_step(machine):
    """The table stands, and counts as somebody else's."""
    machine.refuse = ["tables/t.json"]
    with pytest.raises(RecordError, match=r"^tables/t\.json: No space left on device$"):
        do(machine, Action.ADD, TABLE)
    assert machine.table_names() == {"t"}
    assert [step.resource for step in machine.applied] == [TABLE]

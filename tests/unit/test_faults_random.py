"""Events, faults, other programs and edited configurations in any order, on any router."""

from dataclasses import replace

from fault_scenes import (
    EVENTS,
    FIRST,
    FOREIGN,
    MODES,
    OWN,
    PROBES,
    Scene,
    boot,
    connect,
    disconnect,
    drift,
    happen,
    is_possible,
    kernel,
    link_up,
    outside,
    survives,
)
from faults import KINDS, Fault
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from machine import ours

from dualwan.model.resources import Address
from dualwan.nft.table import NftTable

TABLES = ("dualwan_firewall", "dualwan_snat", "dualwan_pbr")
THEIRS = NftTable("inet", "theirs")


def _without_rules(host):
    host.state = replace(host.state, rules=())


def _without_routes(host):
    host.state = replace(host.state, routes=(), default_device="")


def _their_table(host):
    if THEIRS not in host.state.tables:
        host.generation += 1
        host.state = replace(host.state, tables=(*host.state.tables, THEIRS))


def _their_address(host):
    there = Address("lan0", "10.0.0.1")
    if there not in host.state.addresses:
        host.state = replace(host.state, addresses=(*host.state.addresses, there))


def _their_default(host):
    if "ppp0" in host.state.links:
        host.take_default("ppp0", replace_ours=True)


def _restored(host):
    """Let what a flush took of other programs come back."""
    lost = tuple(one for one in FOREIGN if one not in host.state.tables)
    host.state = replace(host.state, tables=(*host.state.tables, *lost))


def _flush(host):
    host.flush_ruleset()
    _restored(host)


FOREIGN_CHANGES = {
    "flush ruleset": _flush,
    "flush rules": _without_rules,
    "flush routes": _without_routes,
    "a table of theirs": _their_table,
    "an address of theirs": _their_address,
    "a default route of theirs": _their_default,
    "forwarding off": lambda host: host.set_sysctl("net/ipv4/ip_forward", "0"),
    "everything at once": drift,
    "the tunnel unplugged": lambda host: host.unplug("mape0"),
    "the WAN down and up": lambda host: (host.switch("wan0", up=False), link_up(host)),
    **{f"{name} edited": lambda host, name=name: host.edit_table(name) for name in TABLES},
    **{f"{name} deleted": lambda host, name=name: host.delete_table(name) for name in TABLES},
}
HAPPENINGS = st.lists(
    st.one_of(
        st.sampled_from([one for one in EVENTS if one not in PROBES]),
        st.sampled_from(list(FOREIGN_CHANGES)),
        st.tuples(
            st.sampled_from([one for one in EVENTS if one not in PROBES]),
            st.integers(0, 50),
            st.sampled_from(sorted({kind for kinds in KINDS.values() for kind in kinds})),
        ),
    ),
    max_size=8,
)


def _happen(host, mode, what):
    """Let one thing happen to a router."""
    if what in FOREIGN_CHANGES:
        FOREIGN_CHANGES[what](host)
        return
    event, at, kind = (what, None, "") if isinstance(what, str) else what
    scene = Scene(mode, "", event)
    if not is_possible(scene):
        return
    outside(host, scene)
    _restored(host)
    if at is None:
        host.start()
        happen(host, scene)
        return
    trial = host.clone()
    trial.start()
    happen(trial, scene)
    fitting = [
        number
        for number, call in enumerate(trial.calls)
        if number >= at and kind in KINDS[call.role]
    ]
    host.start(Fault(fitting[0], kind) if fitting else None)
    survives(host, scene)


def _state(host):
    """Return what is noted of the kernel."""
    state = host.run_state
    return (
        set(state.tables),
        set(state.addresses),
        set(state.tunnels),
        state.owed_flows,
        state.owes_inbound_flows,
        state.owed_solicitations,
        dict(state.sessions),
        state.wanted,
    )


def _applied(host, mode):
    """Let a person's command come, on a line that is up with a session."""
    link_up(host)
    connect(host, mode, FIRST)
    _restored(host)
    if mode == "one-of-two":  # whatever its role was: a standby restores nothing
        host.start()
        assert happen(host, Scene(mode, "", "active")) == ""
    for _ in range(2):
        host.start()
        host.clock += 600
        assert happen(host, Scene(mode, "", "apply")) == ""


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(MODES)), HAPPENINGS)
def test_whatever_happened_one_run_makes_it_as_new(mode, happenings):
    """The kernel and the notes are those of a router to which nothing had happened."""
    host, fresh = boot(mode), boot(mode)
    for what in happenings:
        _happen(host, mode, what)
    host.start()
    fresh.announced = host.announced
    for one in (host, fresh):
        disconnect(one)
        _their_table(one)
        _their_address(one)
        _applied(one, mode)
    assert kernel(host) == kernel(fresh)
    assert _state(host) == _state(fresh)
    assert {*FOREIGN, THEIRS} <= set(host.state.tables)

    host.start()
    assert happen(host, Scene(mode, "", "remove")) == ""
    assert [one for one in ours(host) if one not in (*FOREIGN, THEIRS)] == []
    assert set(OWN) <= set(host.state.addresses)
    assert (host.run_state.tables, host.run_state.addresses, host.run_state.tunnels) == ((), (), ())

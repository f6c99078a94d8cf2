"""What a step adds to the run state, before it is done and after."""

from dualwan.model.plan import Action, SlicePlan, Step
from dualwan.model.resources import Address, Sysctl, Tunnel
from dualwan.model.state import RunState, forget_sysctls, note_intent, note_step
from dualwan.nft.table import NftTable

TUNNEL = Tunnel("mape0", "2001:db8::1", "2001:db8::2", "wan0", 1460)
CE, INNER = Address("wan0", "2001:db8::1"), Address("mape0", "192.0.2.1")
SET_A = Step(Action.CHANGE, Sysctl("a", "1"), Sysctl("a", "0"))
SET_B = Step(Action.CHANGE, Sysctl("b", "2"), Sysctl("b", "1"))
TABLE = NftTable("ip", "t")


def intent(state, *steps):
    """Return the state before STEPS of the tunnel slice, whose device is mape0."""
    return note_intent(state, SlicePlan("tunnel", steps), ("mape0",))


def done(state, *steps):
    """Return the state once STEPS of the tunnel slice are done."""
    for step in steps:
        state = note_step(state, "tunnel", step)
    return state


def test_originals_are_noted_before_they_are_lost_in_the_order_of_setting():
    """The value that stood before ours is written down before ours is."""
    assert list(intent(RunState(), SET_A, SET_B).sysctls["tunnel"].items()) == [
        ("a", "0"),
        ("b", "1"),
    ]


def test_the_first_original_counts():
    """What somebody set in between is not what stood there before us."""
    state = RunState(sysctls={"tunnel": {"a": "7"}})
    assert intent(state, SET_A).sysctls == {"tunnel": {"a": "7"}}


def test_each_slice_has_originals_of_its_own():
    """One slice that goes does not put back what another has set."""
    noted = intent(RunState(sysctls={"pbr": {"p": "1"}}), SET_A)
    assert noted.sysctls == {"pbr": {"p": "1"}, "tunnel": {"a": "0"}}
    assert forget_sysctls(noted, "tunnel").sysctls == {"pbr": {"p": "1"}}


def test_only_addresses_on_devices_of_others_are_noted():
    """Those on the tunnel go with the tunnel."""
    noted = intent(RunState(), *(Step(Action.ADD, item) for item in (CE, TUNNEL, INNER)))
    assert noted.addresses == (CE,)
    assert noted.tunnels == ("mape0",)
    assert done(noted, Step(Action.REMOVE, CE), Step(Action.REMOVE, TUNNEL)) == RunState()


def test_what_is_in_order_is_not_noted():
    """An address that is there already may be somebody else's."""
    assert intent(RunState(), Step(Action.KEEP, CE), Step(Action.KEEP, TUNNEL)) == RunState()


def test_a_table_is_noted_while_it_is_loaded():
    """So that the next event can tell that somebody removed it."""
    loaded = done(RunState(), Step(Action.ADD, TABLE), Step(Action.CHANGE, TABLE, TABLE))
    assert loaded.tables == ("t",)
    assert done(loaded, Step(Action.REMOVE, TABLE)).tables == ()


def test_a_sysctl_that_was_put_back_is_forgotten():
    """So that the next original is the one that stands then."""
    state = RunState(sysctls={"tunnel": {"a": "0", "b": "1"}})
    back = Step(Action.RESTORE, Sysctl("a", "0"), Sysctl("a", "1"))
    assert done(state, back).sysctls == {"tunnel": {"b": "1"}}

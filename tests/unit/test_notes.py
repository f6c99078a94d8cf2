from dualwan.model.observed import Memory
from dualwan.model.plan import SlicePlan, Step
from dualwan.model.resources import Address, Sysctl, Tunnel
from dualwan.model.state import Outcome, after_slice, after_step, before
from dualwan.nft.table import NftTable

TUNNEL = Tunnel("mape0", "2001:db8::1", "2001:db8::2", "wan0", 1460)
CE, INNER = Address("wan0", "2001:db8::1"), Address("mape0", "192.0.2.1")
SET_A = Step("~", Sysctl("a", "1"), Sysctl("a", "0"))
SET_B = Step("~", Sysctl("b", "2"), Sysctl("b", "1"))
TABLE = NftTable("ip", "t")



def after(memory, plan, up, outcome, listing=""):
    """Return the notes once all steps of a slice are done."""
    for step in plan.changes:
        memory = after_step(memory, plan.name, step, listing)
    return after_slice(memory, plan.name, up, outcome)


def plan(*steps, name="tunnel"):
    """Return the plan of one slice."""
    return SlicePlan(name, steps)


def test_originals_are_noted_before_they_are_lost_in_the_order_of_setting():
    """The value that stood before ours is written down before ours is."""
    noted = before(Memory(), plan(SET_A, SET_B), "mape0")
    assert list(noted.sysctls["tunnel"].items()) == [("a", "0"), ("b", "1")]


def test_the_first_original_counts():
    """What somebody set in between is not what stood there before us."""
    memory = Memory(sysctls={"tunnel": {"a": "7"}})
    assert before(memory, plan(SET_A), "mape0").sysctls == {"tunnel": {"a": "7"}}


def test_each_slice_has_originals_of_its_own():
    """One slice that goes does not put back what another has set."""
    memory = Memory(sysctls={"pbr": {"p": "1"}})
    noted = before(memory, plan(SET_A), "mape0")
    assert noted.sysctls == {"pbr": {"p": "1"}, "tunnel": {"a": "0"}}
    done = after(noted, plan(), up=False, outcome=Outcome())
    assert done.sysctls == {"pbr": {"p": "1"}}


def test_only_addresses_on_devices_of_others_are_noted():
    """Those on the tunnel go with the tunnel."""
    noted = before(Memory(), plan(Step("+", CE), Step("+", TUNNEL), Step("+", INNER)), "mape0")
    assert noted.addresses == (CE,)
    assert noted.tunnels == ("mape0",)
    gone = after(noted, plan(Step("-", CE), Step("-", TUNNEL)), up=False, outcome=Outcome())
    assert gone == Memory()


def test_what_is_in_order_is_not_noted():
    """An address that is there already may be somebody else's."""
    assert before(Memory(), plan(Step("=", CE), Step("=", TUNNEL)), "mape0") == Memory()


def test_tables_are_noted_as_loaded_and_as_nft_lists_them():
    """The next run compares both: ours with ours, nft's with nft's."""
    done = after(Memory(), plan(Step("+", TABLE)), up=True,
                 outcome=Outcome(), listing="listed")
    assert done.tables == {"t": (TABLE, "listed")}
    kept = after(done, plan(Step("=", TABLE)), up=True, outcome=Outcome())
    assert kept == done
    assert after(done, plan(Step("-", TABLE)), up=False, outcome=Outcome()).tables == {}


def test_the_last_pppoe_address_is_remembered_while_the_slice_stands():
    """While PPPoE is down its address is kept, for the flows that name it."""
    there = Outcome(pppoe="203.0.113.1")
    seen = after(Memory(), plan(name="pbr"), up=True, outcome=there)
    assert seen.pppoe == "203.0.113.1"
    assert after(seen, plan(name="pbr"), up=True, outcome=Outcome()) == seen
    assert after(seen, plan(name="snat"), up=True, outcome=Outcome(pppoe="192.0.2.9")) == seen
    assert after(seen, plan(name="pbr"), up=False, outcome=there).pppoe == ""


def test_a_sysctl_that_was_put_back_is_forgotten():
    """So that the next original is the one that stands then."""
    memory = Memory(sysctls={"tunnel": {"a": "0", "b": "1"}})
    back = Step("-", Sysctl("a", "0"), Sysctl("a", "1"))
    assert after(memory, plan(back), up=True, outcome=Outcome()).sysctls == {
        "tunnel": {"b": "1"}}


def test_what_mape_used_last_outlives_ifdown():
    """The next ifup may find another prefix and has to know what to forget."""
    used = after(Memory(), plan(), up=True,
                 outcome=Outcome(mape="192.0.2.18", prefix="2001:db8::/56"))
    assert (used.mape, used.prefix) == ("192.0.2.18", "2001:db8::/56")
    assert after(used, plan(), up=True, outcome=Outcome()) == used
    assert after(used, plan(), up=False, outcome=Outcome()) == used
    assert after(used, plan(name="pbr"), up=True, outcome=Outcome(mape="1")).mape == "192.0.2.18"

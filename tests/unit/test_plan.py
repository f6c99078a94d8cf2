from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dualwan.model.plan import (
    LONGEST,
    Action,
    Step,
    diff,
    flow_steps,
    restore_steps,
    shortened,
    sysctl_steps,
)
from dualwan.model.resources import Address, Flows, Route, RouteRule, Sysctl, Tunnel
from dualwan.nft.table import NftTable, chain

ROUTE = Route(100, "ppp0")
OLD, NEW = RouteRule(100, 100, "192.0.2.1"), RouteRule(100, 100, "192.0.2.2")
TUNNEL = Tunnel("mape0", "2001:db8::1", "2001:db8::2", "wan0", 1460)

RESOURCES = st.lists(
    st.one_of(
        st.builds(Route, st.sampled_from([100, 200]), st.sampled_from(["a", "b"])),
        st.builds(
            RouteRule, st.just(100), st.just(100), st.sampled_from(["192.0.2.1", "192.0.2.2"])
        ),
        st.builds(
            NftTable,
            st.just("ip"),
            st.sampled_from(["t", "u"]),
            st.sampled_from([(), (chain("a"),)]),
        ),
    ),
    unique_by=lambda item: item.key,
)


def shown(steps):
    """Return steps as the plan's lines."""
    return [f"{step.sign} {step.text}" for step in steps]


def test_what_is_wanted_and_there_stays():
    """= for what is in order; nothing changes."""
    steps = diff([ROUTE, NEW], [NEW, ROUTE])
    assert shown(steps) == [
        "= route default dev ppp0 table 100",
        "= rule 100: from 192.0.2.2 lookup 100",
    ]
    assert not any(step.changes for step in steps)


def test_tables_and_tunnels_are_removed_first_and_the_last_made_goes_first():
    """So that nothing new meets its own predecessor, and nothing loses what it stands on."""
    on_it = [TUNNEL, Address("mape0", "192.0.2.1"), Route(254, "mape0")]
    renamed = replace(TUNNEL, name="mape1")
    assert shown(diff([renamed, NftTable("ip", "u")], [NftTable("ip", "t"), *on_it])) == [
        "- route default dev mape0 table main",
        "- address 192.0.2.1/32 dev mape0",
        f"- {TUNNEL.text}",
        "- nft table ip t",
        f"+ {renamed.text}",
        "+ nft table ip u",
    ]


def test_routes_rules_and_addresses_are_removed_last():
    """There is no moment without either: a default route changes its metric, a rule its source.

    The kernel would take the routes of a device with its last IPv4 address.
    """
    before = [Address("mape0", "192.0.2.1"), Route(254, "mape0"), OLD]
    after = [Address("mape0", "192.0.2.2"), Route(254, "mape0", 4096), NEW]
    assert shown(diff(after, before)) == [
        "+ address 192.0.2.2/32 dev mape0",
        "+ route default dev mape0 table main metric 4096",
        "+ rule 100: from 192.0.2.2 lookup 100",
        "- rule 100: from 192.0.2.1 lookup 100",
        "- route default dev mape0 table main",
        "- address 192.0.2.1/32 dev mape0",
    ]


def test_a_change_tells_both_sides():
    """~ shows what was and what will be."""
    wanted = Tunnel("mape0", "2001:db8::1", "2001:db8::9", "wan0", 1460)
    assert shown(diff([wanted], [TUNNEL])) == [f"~ {TUNNEL.text} -> {wanted.text}"]


@given(RESOURCES, RESOURCES)
def test_a_plan_leads_to_what_is_wanted(desired, present):
    """Carrying out the steps makes PRESENT what is DESIRED, and then nothing is left to do."""
    there = {item.key: item for item in present}
    for step in diff(desired, present):
        if step.sign == "-":
            del there[step.resource.key]
        elif step.changes:
            assert (step.sign == "+") == (step.resource.key not in there)
            there[step.resource.key] = step.resource
    assert there == {item.key: item for item in desired}
    assert not any(step.changes for step in diff(desired, there.values()))


def test_sysctls_are_set_only_where_they_exist():
    """A kernel without IPv6, or a device that is not there, is no reason to fail."""
    steps = sysctl_steps(
        [Sysctl("a", "1"), Sysctl("b", "1"), Sysctl("c", "1")], {"a": "0", "b": "1"}
    )
    assert shown(steps) == ["~ sysctl a 0 -> 1", "= sysctl b = 1"]


def test_sysctls_go_back_in_the_opposite_order():
    """What was set last is put back first; what is kept, gone or back already is left alone."""
    steps = restore_steps(
        {"a": "0", "b": "1", "c": "0", "d": "0", "e": "7"},
        ["c"],
        {"a": "1", "b": "2", "c": "1", "e": "7"},
    )
    assert shown(steps) == [
        "- sysctl b 2 -> 1 (as it was before)",
        "- sysctl a 1 -> 0 (as it was before)",
    ]


def test_flows_of_no_address_are_not_forgotten():
    """Only addresses that are named, each once."""
    assert [step.resource for step in flow_steps(["b", "", "a", "b"])] == [Flows("a"), Flows("b")]


def test_a_changed_table_shows_the_lines_that_differ():
    """Inside an nft table the plan shows rules, not the whole text."""
    old = NftTable("ip", "t", (chain("a", "one", "two"),))
    new = NftTable("ip", "t", (chain("a", "one", "three"),))
    step = Step(Action.CHANGE, new, old)
    assert step.text == "nft table ip t"
    assert step.details == ("- two", "+ three")
    assert Step(Action.ADD, new).details == ()


def test_a_table_that_somebody_changed_is_said_to_be():
    """The text loaded is the same, what nft lists is not."""
    table = NftTable("ip", "t")
    step = Step(Action.CHANGE, table, NftTable("ip", "t", intact=False))
    assert step.text == "nft table ip t (somebody changed it)"
    assert step.details == ()


def test_resources_read_as_their_programs_show_them():
    """A line of the plan is what ip, sysctl and nft would print."""
    assert Address("wan0", "2001:db8::1").text == "address 2001:db8::1/128 dev wan0"
    assert Address("mape0", "192.0.2.1").text == "address 192.0.2.1/32 dev mape0"
    assert Route(254, "mape0").text == "route default dev mape0 table main"
    assert RouteRule(101, 100, mark=0x1000000, mask=0x3000000).text == (
        "rule 101: fwmark 0x1000000/0x3000000 lookup 100"
    )
    assert RouteRule(99, 254, "192.0.2.1", suppress=0).text == (
        "rule 99: from 192.0.2.1 lookup main suppress_prefixlength 0"
    )
    assert Tunnel("m", "::1", "::2", "w", 1460, up=False).text.endswith("mtu 1460 (down)")


def test_a_long_line_keeps_its_beginning_and_its_end():
    """Two thirds and a quarter of what a line may have."""
    line = "".join(f"{number:04}," for number in range(400))
    short = shortened(line)
    assert len(short) <= LONGEST
    start, end = short.split(" ... ")
    assert line.startswith(start)
    assert line.endswith(end)
    assert len(start) > len(end) > 0
    assert shortened("x" * LONGEST) == "x" * LONGEST

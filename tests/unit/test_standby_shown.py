"""What a router that stands by says of itself: status, metrics and plan call it no fault."""

import json

import pytest
from doctor_cases import ONE_OF_TWO, PREFIX, STANDS_BY, Doctored

from dualwan.catalogue import shown
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.model.finding import Finding
from dualwan.planning import make_plan
from dualwan.report import plan as plan_report
from dualwan.report import prometheus, rules, status
from dualwan.report.terminal import Terminal
from dualwan.report.verdict import verdict

BY_PREFIX = (
    ONE_OF_TWO.partition("[mape]")[0]
    + "[mape]\nwait = 0\n[pppoe]\ndial = true\n[router]\nredundant = true\n"
)
FINDING = Finding("pair-keepalived-off", "keepalived does not run", "start it")


def pair(*, active=False, text=ONE_OF_TWO, prefixes=(PREFIX,)):
    """Return one of two routers, in a role."""
    made = Doctored(text, prefixes)
    made.becomes(active=active)
    return made


def data(made, *findings):
    """Return the data of status."""
    used = status.usage(made.host, made.plan)
    return status.as_data(made.config, made.plan, used, findings, watched=True)


def test_a_standby_is_in_order_by_its_first_line():
    """It is neither broken nor is anything unknown of it."""
    found = data(pair())
    assert (found["works"], found["cause"], found["role"]) == (True, "", "standby")
    first = status.text(found).splitlines()[0]
    assert first == "standby  the other router is the active one; this one is closed, and ready"


def test_the_active_one_works_as_any_router():
    """With its role in the data."""
    found = data(pair(active=True))
    assert (found["works"], found["role"]) == (True, "active")
    assert status.text(found).startswith("works")


def test_a_router_without_another_one_has_no_role():
    """For programs that is null."""
    made = Doctored()
    assert data(made)["role"] is None
    assert plan_report.as_data(made.plan)["role"] is None


def test_ways_that_are_not_there_are_no_warning():
    """Their lines have no mark of doubt, as those of a broken router."""
    lines = status.text(data(pair()), Terminal(80, symbols=True)).splitlines()
    marked = [line for line in lines if line.startswith(("!", "\N{BALLOT X}"))]
    assert marked == []


def test_nothing_is_waited_for_and_no_ports_are_counted():
    """MAP-E begins at a takeover, and the flows are those of the other one."""
    made = pair(text=BY_PREFIX, prefixes=())
    found = data(made)
    assert (found["waiting"], found["problems"], found["ports"]) == ([], [], None)
    assert data(pair(active=True, text=BY_PREFIX, prefixes=()))["waiting"]


def test_nothing_is_open_by_ways_that_are_not_there():
    """IPv6 of the line is there in either role."""
    text = ONE_OF_TWO + '[firewall]\ninbound = ["ssh", { service = "ping", via = ["ipv6"] }]\n'
    by = {one["by"] for one in data(pair(text=text))["open"]}
    assert by == {"IPv6"}
    assert by < {one["by"] for one in data(pair(active=True, text=text))["open"]}


def test_a_standby_that_is_not_ready_is_broken():
    """What is a notice on the active one keeps a standby from its work."""
    assert verdict(pair().config, pair().plan, [FINDING])[:2] == (
        False,
        "keepalived does not run: start it",
    )
    active = pair(active=True)
    assert verdict(active.config, active.plan, [FINDING]).works


def test_a_change_of_role_that_was_cut_short_is_its_cause():
    """The session may be there still."""
    made = pair()
    with made.host.lock(1):
        state = made.host.run_state
        role = state.role._replace(followed=False)
        made.host.save_state(type(state)(**{**vars(state), "role": role}))
    made.plan_changes()
    found = verdict(made.config, made.plan)
    assert (found.works, found.cause[:15]) == (False, "it stands by, a")


@pytest.mark.parametrize(("active", "number"), [(True, 1), (False, 0)])
def test_the_role_is_a_metric(active, number):
    """So that an alert on a way that is down can leave a standby out."""
    text = prometheus.text(data(pair(active=active)))
    assert f"\ndualwan_active {number}\n" in text
    assert 'dualwan_slice_in_order{slice="tunnel"} 1' in text
    assert "dualwan_active" not in prometheus.text(data(Doctored()))


def test_a_plan_says_of_whom_it_is():
    """A dry run of a standby has nothing to do, and says why there is so little."""
    made = pair()
    text = plan_report.text(made.plan, (), everything=False)
    assert text.splitlines() == [
        "standby: the other router is the active one; this one is closed",
        "nothing to do",
    ]
    active = pair(active=True)
    assert "standby" not in plan_report.text(active.plan, (), everything=True)


def test_the_rules_of_a_slice_that_is_not_there_can_be_asked_for():
    """`show`, and a report, say that they are not to be."""
    plan = pair().plan
    assert rules.text(rules.as_data(plan, "snat")) == (
        "# nft table ip dualwan_snat: not to be loaded while this router stands by\n"
    )
    assert "loaded\n" in rules.text(rules.as_data(plan, "firewall"))


def test_the_commands_of_a_standby_end_well(run, machine, config):
    """Exit code 0 of doctor, and of a dry run that would tell by it of a change."""
    config.write_text(ONE_OF_TWO)
    run()
    machine.locked = True
    role = machine.run_state.role._replace(asked=1)
    machine.save_state(type(machine.run_state)(**{**vars(machine.run_state), "role": role}))
    machine.locked = False
    machine.seen = STANDS_BY
    assert run("doctor") == (0, "", "")
    code, out, _ = run("--dry-run", "--exit-code")
    assert code == 0
    assert shown("standby: the other router is the active one; this one is closed") in out
    found = json.loads(run("status", "--json")[1])
    assert (found["works"], found["role"]) == (True, "standby")
    assert json.loads(run("--dry-run", "--json")[1])["role"] == "standby"


def test_ifup_of_a_standby_waits_for_no_prefix():
    """Nothing is made of it before a takeover."""
    made = pair(text=BY_PREFIX, prefixes=())
    waited = []
    made.host.await_prefix = lambda *asked: waited.append(asked)
    handle_event(made.config, made.host, Event.UP)
    assert waited == []
    assert not make_plan(made.config, made.host, Event.APPLY).changes

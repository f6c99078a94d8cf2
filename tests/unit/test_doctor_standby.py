"""Doctor on a router of two: a standby is judged by what it needs to take over."""

from dataclasses import replace

import pytest
from doctor_cases import ANOTHER, CE, ONE_OF_TWO, Doctored

from dualwan import doctor
from dualwan.doctor import Result, inquiry
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.model.state import Role
from dualwan.report import doctor as report

OF_THE_ACTIVE = {
    *("ce", "ipv6-route", "border-relay", "tunnel", "ipv4", "mtu", "ports"),
    *("pppoe-login", "pppoe-session"),
}


def pair(*, active=False, text=ONE_OF_TWO):
    """Return one of two routers on which all is well, in a role."""
    made = Doctored(text)
    made.becomes(active=active)
    return made


def failing(made):
    """Return the lines of the checks that have failed."""
    return [
        f"{one.check.name}: {one.answer.seen}: {one.answer.remedy}"
        for one in made.diagnose()
        if one.answer.result in {Result.FAILED, Result.UNCHECKED}
    ]


@pytest.mark.parametrize("active", [True, False])
def test_a_router_of_two_on_which_all_is_well(active):
    """In either role there is nothing to say, and the role is told to who asks."""
    outcomes = pair(active=active).diagnose()
    assert report.text(outcomes) == ""
    assert doctor.is_well(outcomes)
    (role,) = (one.answer.seen for one in outcomes if one.check.name == "role")
    assert role == (
        "active"
        if active
        else f"standby: the other router is active ({ANOTHER} answers for the CE {CE}); this one "
        "is closed, and takes over when it is told to"
    )


def test_a_standby_is_not_asked_what_only_the_active_one_has():
    """It has no CE and no way; an active one is judged as a single router, and as one of two."""
    asked = {one.check.name for one in pair().diagnose()}
    assert not asked & OF_THE_ACTIVE
    assert {"device", "advertisement", "provider", "role", "pair", "pppoe-discovery"} <= asked
    whole = {one.check.name for one in pair(active=True).diagnose()}
    assert whole == asked | OF_THE_ACTIVE


def test_the_other_router_is_asked_for_the_ce_and_no_packet_goes_by_the_tunnel():
    """There is none, and the relay would answer to the active one."""
    made = pair()
    asked = inquiry.inquiry(made.config, made.plan)
    assert (asked.ce, asked.br, asked.ipv4, asked.probes) == (CE, "", "", ())
    assert inquiry.inquiry(made.config, pair(active=True).plan).br


def test_a_standby_of_a_line_without_an_active_router_says_so():
    """Nobody answers for the CE: the other one is down, or stands by too."""
    made = pair()
    made.hears(claimed=())
    (line,) = failing(made)
    assert f"role: standby, and nobody else answers for the CE {CE} on wan0" in line
    assert "keepalived" in line


def test_what_could_not_be_heard_is_not_said_of_the_other_router():
    """Without root."""
    made = pair()
    made.evidence = replace(made.evidence, heard=None, unheard="listening on wan0 needs root")
    assert not any(line.startswith("role") for line in failing(made))


def test_a_standby_that_was_not_hung_up_says_so():
    """Its pppd did not end, or somebody has dialled since."""
    made = pair()
    made.host.connect("203.0.113.9")
    handle_event(made.config, made.host, Event.PPP_UP)
    made.plan_changes()
    (line,) = failing(made)
    assert line.startswith("role: standby, and ppp0 has 203.0.113.9")
    assert "dualwan-hook role standby" in line


def test_a_standby_whose_pppd_still_tries_says_so():
    """It would get the session as soon as the other one loses it."""
    made = pair()
    made.evidence = replace(made.evidence, dialling=True)
    (line,) = failing(made)
    assert line.startswith("role: standby, and a pppd of the peer dsl-provider runs")


def test_a_session_that_others_dial_is_no_fault_of_a_standby():
    """With dial = false it is not ours to hang up."""
    made = pair(text=ONE_OF_TWO.replace("dial = true", "dial = false"))
    made.host.connect("203.0.113.9")
    handle_event(made.config, made.host, Event.PPP_UP)
    made.plan_changes()
    made.evidence = replace(made.evidence, dialling=True)
    assert failing(made) == []


@pytest.mark.parametrize("active", [True, False])
def test_a_change_of_role_that_was_cut_short_is_named(active):
    """With the command that does the rest."""
    made = pair(active=active)
    with made.host.lock(1):
        state = made.host.run_state
        made.host.save_state(replace(state, role=state.role._replace(followed=False)))
    made.plan_changes()
    (line,) = failing(made)
    now = "active" if active else "standby"
    assert line.startswith(f"role: the change to {now} was not done to the end: `dualwan-hook`")


def test_a_standby_that_nobody_has_told_a_role_says_so():
    """It stands by since boot: keepalived calls notify_backup when it starts."""
    made = pair()
    with made.host.lock(1):
        made.host.save_state(replace(made.host.run_state, role=Role()))
    made.plan_changes()
    (line,) = failing(made)
    assert line.startswith("role: standby since boot: ")


def test_a_standby_that_is_not_closed_says_so():
    """A tunnel that is to be gone is pending, as any difference."""
    made = pair(active=True)
    with made.host.lock(1):
        made.host.save_state(replace(made.host.run_state, role=Role(active=False, asked=9)))
    made.host.unplug("ppp0")
    made.plan_changes()
    made.evidence = replace(pair().evidence)
    assert any(line.startswith("state: ") for line in failing(made))


def test_a_standby_whose_line_has_no_rule_cannot_ask_for_a_ce():
    """The other router may be active by a configuration that is right, so its role is no fault."""
    head, _, rest = ONE_OF_TWO.partition("[mape]\n")
    made = pair(text=f"{head}[mape]\n[pppoe]{rest.partition('[pppoe]')[2]}")
    assert made.plan.line.softwire is None
    lines = failing(made)
    assert any(line.startswith("provider: ") for line in lines)
    assert not any(line.startswith("role: ") for line in lines)


def test_a_prefix_that_no_rule_covers_is_told_before_the_takeover():
    """The configuration of a standby has to be ready."""
    made = pair(text=ONE_OF_TWO.replace("2001:db8:0:100:c0", "2001:db8:7:100:c0"))
    made.hears(claimed=(ANOTHER,))
    (line,) = failing(made)
    assert line.startswith("provider: ")


def test_a_standby_takes_no_address_of_the_advertisement_while_it_forwards():
    """What others forward keeps the kernel deaf until the takeover sets accept_ra."""
    made = pair()
    made.evidence = replace(made.evidence, prefixes=())
    made.plan_changes(ipv6_default=False)
    assert failing(made) == []


def test_a_line_that_is_dead_is_told_by_a_standby():
    """It could not take over."""
    made = pair()
    made.evidence = replace(made.evidence, prefixes=())
    made.plan_changes(ipv6_default=False)
    made.hears(advertisements=(), claimed=())
    assert failing(made)[0].startswith("advertisement: no router advertisement is heard on wan0")


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("code", ["pair-keepalived-off", "pair-conntrackd-off", "pair-role-untold"])
def test_what_its_programs_lack_is_a_failure_in_either_role(active, code):
    """Though the active one works without."""
    made = pair(active=active)
    made.finding(code)
    assert failing(made) == ["pair: it is seen: mend it"]

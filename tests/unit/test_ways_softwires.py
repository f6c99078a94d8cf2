"""Further softwires, [way.NAME]: what the file may say, what waits for what, update calls."""

import re

import pytest
from machine import BASE, Machine, config, kernel_state, ours, pending, run

from dualwan.config import ConfigError, every_error, from_text
from dualwan.findings import packets
from dualwan.handle import handle_event
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.resources import MAIN, Route
from dualwan.model.way import Kind
from dualwan.planning import make_plan
from dualwan.report import prometheus, status

FIXED = """
[way.fixed]
type = "ipip"
br = "2001:db8:ffff::1"
ipv4 = "192.0.2.30"
interface-id = "::feed"
"""
LITE = '[way.lite]\ntype = "ds-lite"\naftr = "2001:db8:ffff::64"\n'
PREFIX = "2001:db8:12:3400::/64"
BY_RULE = (
    BASE.split("[mape]", maxsplit=1)[0]
    + '[mape]\nbr = "2001:db8:ffff::9"\nwait = 0\n[mape.rule]\nipv6-prefix = "2001:db8::/40"\n'
    + 'ipv4-prefix = "192.0.2.0/24"\nea-length = 16\n[pppoe]\ndial = false\n'
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FIXED.replace("192.0.2.30", "192.0.2.18"), "way.fixed.ipv4: 192.0.2.18 is listed twice"),
        (FIXED + FIXED.replace("fixed", "f2").replace(".30", ".31"), "way.f2.interface-id: ::feed"),
        (FIXED.replace('br = "2001:db8:ffff::1"\n', ""), "way.fixed: 'br' is missing"),
        (FIXED.replace('interface-id = "::feed"\n', ""), "needs 'interface-id'"),
        (FIXED + 'peer = "x"\n', "way.fixed.peer: unknown key 'peer'"),
        (FIXED + 'tunnel = "mape0"\n', "way.fixed.tunnel: the interface 'mape0' is listed twice"),
        (FIXED.replace("way.fixed", "way.ip6tnl"), "'ip6tnl' means something else already"),
        (LITE.replace("2001:db8:ffff::64", "gw.example.jp"), "is no IPv6 address"),
        (
            LITE + '[[forward]]\nvia = "lite"\nprotocol = "tcp"\nport = 80\nto = "192.168.1.5"\n',
            "DS-Lite has no address of its own to forward from",
        ),
        (
            LITE + '[firewall]\ninbound = [{ service = "ssh", via = "lite" }]\n',
            "DS-Lite has no address of its own to offer on",
        ),
    ],
)
def test_what_a_file_cannot_say(text, words):
    """Each error has file, line and key, also where all errors are asked for."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        from_text("dualwan.toml", BASE + text)
    assert words in str(every_error.of_text("dualwan.toml", BASE + text, {}))


def test_a_way_of_no_known_type_is_told_once():
    """Neither are its other keys, nor a forward by it."""
    text = (
        BASE
        + FIXED.replace('"ipip"', '"gre"')
        + ('[[forward]]\nvia = "fixed"\nprotocol = "tcp"\nport = 80\nto = "192.168.1.5"\n')
    )
    found = every_error.of_text("dualwan.toml", text, {})
    assert [line.split(": ")[1] for line in found.lines] == ["way.fixed.type"]


def test_each_tunnel_has_an_end_of_its_own_in_the_one_prefix():
    """MAP-E's by rule, the others' by their interface identifiers."""
    line = derive_line(config(BY_RULE + FIXED + LITE), (PREFIX,))
    ends = {way.name: str(way.softwire.ce) for way in line.ways if way.kind is Kind.SOFTWIRE}
    assert ends == {
        "mape": "2001:db8:12:3400:c0:2:1200:3400",
        "fixed": "2001:db8:12:3400::feed",
        "lite": "2001:db8:12:3400:b4::2",
    }
    assert (line.prefix, line.lacking) == (PREFIX, ())


def test_one_that_needs_a_prefix_keeps_nobody_waiting():
    """MAP-E by hand works without; what lacks is said, and comes with the prefix."""
    machine, cfg = Machine("wan0", "lan0"), config(BASE + FIXED)
    assert run(machine, cfg, Event.APPLY) == [
        "no IPv6 prefix on wan0 yet: fixed begins when the line announces one"
    ]
    assert [one.name for one in machine.state.tunnels] == ["mape0"]
    machine.announced["wan0"] = (PREFIX,)
    machine.applied.clear()
    assert run(machine, cfg, Event.PREFIX_CHANGED) == []
    assert [one.name for one in machine.state.tunnels] == ["mape0", "fixed0"]
    assert "mape0" not in " ".join(
        step.text for step in machine.applied if step.changes and step.sign != "="
    )
    assert Route(102, "fixed0") in machine.state.routes


def test_one_whose_rule_is_unknown_keeps_no_other_waiting():
    """The fixed address comes up, although no rule covers the prefix of the line."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = ("2400:1234::/64",)
    problems = run(machine, config(BY_RULE + FIXED), Event.APPLY)
    assert len(problems) == 1
    assert [one.name for one in machine.state.tunnels] == ["fixed0"]


def test_one_that_needs_no_prefix_brings_back_none_of_before():
    """After an ifdown the line has to announce it anew, also where another tunnel stands."""
    whole = FIXED.replace('interface-id = "::feed"', 'ce = "2001:db8:77::30"')
    machine, cfg = Machine("wan0", "lan0"), config(BY_RULE + whole)
    machine.announced["wan0"] = (PREFIX,)
    assert run(machine, cfg, Event.UP, Event.DOWN, Event.POST_DOWN) == []
    machine.announced["wan0"] = ()
    for _ in range(2):
        assert run(machine, cfg, Event.UP) == [
            "no IPv6 prefix on wan0 yet: MAP-E begins when the line announces one"
        ]
        assert [one.name for one in machine.state.tunnels] == ["fixed0"]
    assert machine.run_state.tunnels == ("fixed0",)
    machine.announced["wan0"] = (PREFIX,)
    assert run(machine, cfg, Event.PREFIX_CHANGED) == []
    assert {one.name for one in machine.state.tunnels} == {"mape0", "fixed0"}


def test_a_softwire_that_is_lost_stays_while_another_is_made():
    """Its tunnel is left as it is, as without the other one."""
    machine, cfg = Machine("wan0", "lan0"), config(BY_RULE)
    machine.announced["wan0"] = (PREFIX,)
    assert run(machine, cfg, Event.APPLY) == []
    had = [one for one in machine.state.tunnels if one.name == "mape0"]
    whole = FIXED.replace('interface-id = "::feed"', 'ce = "2001:db8:12:3400::30"')
    text = BY_RULE.replace("2001:db8::/40", "2001:db9::/40") + whole
    assert run(machine, config(text), Event.APPLY) != []
    assert [one for one in machine.state.tunnels if one.name == "mape0"] == had
    assert {one.name for one in machine.state.tunnels} == {"mape0", "fixed0"}
    assert pending(machine, config(text), Event.APPLY) == []
    assert run(machine, config(text), Event.REMOVE) == []
    assert ours(machine) == ()


def test_all_of_it_goes_with_down():
    """And what was there before is as it was."""
    machine, before = Machine("wan0", "lan0"), Machine("wan0", "lan0")
    for one in (machine, before):
        one.announced["wan0"] = (PREFIX,)
    cfg = config(BY_RULE + FIXED + LITE)
    assert run(machine, cfg, Event.APPLY) == []
    assert pending(machine, cfg, Event.APPLY) == []
    assert run(machine, cfg, Event.REMOVE) == []
    assert kernel_state(machine) == kernel_state(before)


def test_a_renumbered_line_moves_every_softwire():
    """Its end changes with MAP-E's; its address and its flows stay what they are."""
    machine, cfg = Machine("wan0", "lan0"), config(BY_RULE + FIXED)
    machine.announced["wan0"] = (PREFIX,)
    assert run(machine, cfg, Event.APPLY) == []
    machine.announced["wan0"] = ("2001:db8:56:7800::/64",)
    assert run(machine, cfg, Event.PREFIX_CHANGED) == []
    locals_ = {one.name: one.local for one in machine.state.tunnels}
    assert locals_["fixed0"] == "2001:db8:56:7800::feed"
    assert pending(machine, cfg, Event.APPLY) == []


def test_ways_stand_in_in_the_order_of_the_file():
    """Behind PPPoE; a tunnel only while the line has an IPv6 router."""
    text = BASE.replace("[lan]", "failover = true\n[lan]") + FIXED + LITE
    machine, cfg = Machine("wan0", "lan0"), config(text)
    machine.announced["wan0"] = (PREFIX,)
    machine.connect("203.0.113.7")
    assert run(machine, cfg, Event.APPLY) == []
    main = {route.device: route.metric for route in machine.state.routes if route.table == MAIN}
    assert main == {"mape0": 0, "ppp0": 2048, "fixed0": 2049, "lite0": 2050}


def test_the_provider_is_told_of_each_end_once(monkeypatch):
    """By the file of that way, and again only after a new prefix."""
    machine, calls = Machine("wan0", "lan0"), []
    monkeypatch.setattr(
        machine, "call_update_url", lambda path, _device, ce: calls.append((path, ce)) or "good"
    )
    machine.announced["wan0"] = (PREFIX,)
    cfg = config(BY_RULE + FIXED + 'update = "/etc/dualwan/fixed"\n')
    for _ in range(2):
        handle_event(cfg, machine, Event.APPLY)
    assert calls == [("/etc/dualwan/fixed", "2001:db8:12:3400::feed")]
    assert machine.run_state.notified == {"fixed": "2001:db8:12:3400::feed"}


def test_each_way_has_its_line_and_its_metric():
    """In status as text and JSON, and for Prometheus."""
    machine, cfg = Machine("wan0", "lan0"), config(BY_RULE + FIXED + LITE)
    machine.announced["wan0"] = (PREFIX,)
    assert run(machine, cfg, Event.APPLY) == []
    data = status.as_data(cfg, make_plan(cfg, machine, Event.APPLY))
    assert data["ways"][0] == {
        "name": "fixed",
        "type": "ipip",
        "interface": "fixed0",
        "up": True,
        "address": "192.0.2.30",
        "peer": None,
    }
    assert "fixed    fixed0 up, 192.0.2.30, IPIP" in status.text(data)
    assert 'dualwan_up{wan="lite",interface="lite0"} 1' in prometheus.text(data)


def test_other_programs_filters_are_asked_about_each_way():
    """What the router offers on the fixed address, and what the LAN sends by it at a failover."""
    text = BASE.replace("[lan]", "failover = true\n[lan]") + FIXED
    probes = packets.every(config(text))
    assert any(one.packet.iif == "fixed0" and one.hooks[-1] == "input" for one in probes)
    assert any(one.packet.oif == "fixed0" for one in probes)

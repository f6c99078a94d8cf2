"""Further ways, [way.NAME]: what the file may say of them, their numbers, who dials them."""

import itertools
import re

import pytest
from machine import BASE, Machine, config, run
from way_texts import NAMES, many, session

from dualwan import handle as running
from dualwan.config import ConfigError, every_error, from_text
from dualwan.handle import sessions
from dualwan.line import derive_line
from dualwan.line.ways import NUMBERS, numbered
from dualwan.model.event import Event
from dualwan.ppp.session import NO_DEVICES, Pppd, Session, no_device
from dualwan.report import opened
from dualwan.slices import firewall, marks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (many(*NAMES, "g"), "dualwan.toml:41: way.g: is one too many: beside [mape] and [pppoe] "),
        (many("mape"), "way.mape: 'mape' means something else already"),
        (many("x" * 15), "is no name of a way"),
        (many("a-2").replace("a-2", "2a"), "is no name of a way"),
        (BASE + "way = 1\n", "unknown key 'way'"),
        (many("a").replace('type = "pppoe"', 'type = "l2tp"'), "way.a.type: must be one of pppoe"),
        (many("a").replace('type = "pppoe"\n', ""), "way.a: 'type' is missing"),
        (
            many("a").replace("ppp1", "ppp0"),
            "way.a.interface: the interface 'ppp0' is listed twice",
        ),
        (
            many("a").replace("peer-a", "dsl-provider"),
            "dsl-provider is listed twice, also in pppoe",
        ),
        (many("a") + "table = 9\n", "way.a.table: unknown key 'table'"),
        (many("a").replace('["lan0"]', '["lan0", "ppp*"]'), "covers 'ppp0'"),
        (many("a").replace("dial = false", "dial = false\ntable = 247"), "the next 7 tables"),
        (many("a").replace("dial = false", "dial = false\npriority = 32763"), "from 1 to 32745"),
    ],
)
def test_what_a_file_cannot_say(text, words):
    """Each error has file, line and key, also where all errors are asked for."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        from_text("dualwan.toml", text)
    assert words in str(every_error.of_text("dualwan.toml", text, {}))


def test_all_errors_of_several_ways_are_told_at_once():
    """One in each is mended for the search of the next."""
    text = many("a", "b").replace('"peer-a"', "7").replace('"ppp2"', '"p p"')
    found = every_error.of_text("dualwan.toml", text, {})
    assert [line.split(": ")[1] for line in found.lines] == ["way.a.peer", "way.b.interface"]


def test_eight_ways_have_marks_of_their_own():
    """Of way and hairpin, all different, and tables and priorities that nobody else has."""
    ways = derive_line(config(many(*NAMES))).ways
    assert len(ways) == 8
    found = [marks.of_way(way) for way in ways]
    found += [marks.of_hairpin(way) for way in ways if way.name != "mape"]
    assert len(set(found)) == 15
    assert all(0 < mark <= marks.MASK and mark & marks.MASK == mark for mark in found)
    assert marks.of_arrival() not in [marks.of_way(way) for way in ways]
    assert len({way.table for way in ways}) == 8
    spans = [range(way.priority - 1, way.priority + 2) for way in ways if way.name != "mape"]
    assert not any({*one} & {*other} for one, other in itertools.combinations(spans, 2))


def test_what_other_programs_have_is_none_of_ours():
    """Tables, priorities and mark bits of wg-quick, Tailscale, systemd, Docker and kube-proxy."""
    ways = derive_line(config(many(*NAMES))).ways
    tables, priorities = {52, 51820, 253, 254, 255, 0}, {*range(5200, 5280), 32764, 32765}
    assert not {way.table for way in ways} & tables
    assert not {way.priority + at for way in ways for at in (-1, 0, 1, 2)} & priorities
    for bits in (0xFF0000, 0xCA6C, 0xC000, 0x1):
        assert not marks.MASK & bits


def test_the_first_ways_are_as_without_others():
    """Their numbers, tables and priorities, by which established connections go on."""
    assert derive_line(config()).ways == derive_line(config(many(*NAMES))).ways[:2]


def test_a_way_keeps_its_number_while_the_router_runs():
    """Whatever order the file has; a new one does not take that of one just gone at first."""
    cfg = config(many("new", "b", "a"))
    ways = numbered(derive_line(cfg).ways, cfg, {"a": 2, "b": 4, "gone": 5})
    assert {way.name: way.number for way in ways[2:]} == {"new": 6, "b": 4, "a": 2}
    assert [way.table for way in ways[2:]] == [105, 103, 102]
    full = dict(zip((*NAMES[1:], "gone"), NUMBERS, strict=True))
    cfg = config(many(*NAMES))
    assert {way.number for way in numbered(derive_line(cfg).ways, cfg, full)[2:]} == {*NUMBERS}


def test_a_third_way_changes_no_mark_of_the_others():
    """Put before them into the file of a running router, it is only added."""
    machine, before = Machine("wan0", "lan0"), config(many("b"))
    machine.connect("203.0.113.7")
    machine.connect("198.51.100.7", "ppp1")
    assert run(machine, before, Event.APPLY) == []
    after = config(BASE + session("a", 2) + session("b", 1))
    machine.connect("198.51.100.8", "ppp2")
    machine.applied.clear()
    assert run(machine, after, Event.APPLY) == []
    text = "\n".join(f"{step.sign} {step.text}" for step in machine.applied)
    assert "203.0.113.7" not in text
    assert "198.51.100.7" not in text
    assert machine.run_state.numbers == {"a": 4, "b": 2}


def test_services_on_one_way_alone():
    """A service that names a way is open there, besides what is open on each."""
    text = many("a", "b") + (
        '[firewall]\ninbound = ["http", { service = "ssh", via = "b" }, '
        '{ service = "tcp/8443", via = ["ipv6", "a"], from = ["192.0.2.0/24"] }]\n'
    )
    cfg = config(text)
    found = opened.as_data(cfg, derive_line(cfg).ways)
    assert [(one["by"], one["what"]) for one in found] == [
        ("PPPoE", "http"),
        *(("a", "http"), ("a", "tcp/8443")),
        *(("b", "http"), ("b", "ssh")),
        ("IPv6", "tcp/8443"),
    ]
    table = firewall.wanted_table(cfg, derive_line(cfg).ways).source()
    assert 'iifname "ppp2" fib daddr . iif type local jump offers_b' in table
    assert "tcp dport { 22 } goto guard" in table.split("chain offers_b {")[1].split("}\n\t}")[0]
    with pytest.raises(ConfigError, match='via must be "pppoe", "ipv6", "a", "b" or a list'):
        config(text.replace('via = "b"', 'via = "c"'))


def test_a_forward_by_a_way_takes_its_port_from_the_services():
    """As by PPPoE: from the defaults, and at odds with what the file opens."""
    forward = '[[forward]]\nvia = "a"\nprotocol = "tcp"\nport = 443\nto = "192.168.1.5"\n'
    inbound = config(many("a") + forward).firewall.inbound
    assert "https" not in [one.service.name for one in inbound]
    opened_there = '[firewall]\ninbound = [{ service = "https", via = "a" }]\n'
    with pytest.raises(ConfigError, match="the router itself offers 'https' there"):
        config(many("a") + opened_there + forward)
    elsewhere = opened_there.replace('via = "a"', 'via = "b"')
    assert config(many("a", "b") + elsewhere + forward).firewall.inbound


# --- dialling ----------------------------------------------------------------------------------


def test_each_session_is_dialled_and_hung_up(log):
    """By its peer; one that fails keeps no other from it."""
    machine = Machine("wan0", "lan0")
    cfg = config(many("a", "b"), a="dial = false -> dial = true")
    running.handle_event(cfg, machine, Event.UP)
    assert machine.running == {"dsl-provider", "peer-a", "peer-b"}
    running.handle_event(cfg, machine, Event.DOWN)
    assert machine.running == set()
    assert any("hung up peer-b" in line for line in log)


def test_a_session_that_is_configured_no_more_is_hung_up_at_ifdown():
    """It was dialled by us, and nobody else knows of it; one that others dial stays."""
    machine = Machine("wan0", "lan0")
    running.handle_event(config(many("a", "b")), machine, Event.UP)
    kept = many("b") + "dial = false\n"
    running.handle_event(config(kept), machine, Event.DOWN)
    assert machine.running == {"peer-b"}


def test_a_unit_dials_any_of_the_peers():
    """That of a further way too."""
    machine, cfg = Machine("wan0", "lan0"), config(many("a"))
    run(machine, cfg, Event.APPLY)
    sessions.dial_for_unit(cfg, machine, "peer-a")
    assert machine.running == {"peer-a"}


# --- which interface is whose ------------------------------------------------------------------


def test_sessions_that_have_swapped_their_interfaces_are_followed():
    """Each by the peer of its pppd, whoever came first."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7", "ppp1")
    machine.connect("198.51.100.7", "ppp0")
    machine.ppp = (
        Session("ppp1", Pppd(10, ("pppd", "call", "dsl-provider")), "203.0.113.7"),
        Session("ppp0", Pppd(11, ("pppd", "call", "peer-a")), "198.51.100.7"),
    )
    cfg = config(many("a"), a="dial = false -> dial = true")
    run(machine, cfg, Event.APPLY)
    assert {(route.table, route.device) for route in machine.state.routes} >= {
        (100, "ppp1"),
        (102, "ppp0"),
    }


def test_sessions_without_an_interface_do_not_share_a_name():
    """While other programs have ppp0 and ppp1: nothing is offered on these."""
    machine = Machine("wan0", "lan0")
    for unit in (0, 1):
        machine.connect(f"198.51.100.{unit + 1}", f"ppp{unit}")
    machine.ppp = tuple(
        Session(f"ppp{unit}", Pppd(10 + unit, ("pppd", "call", "other"))) for unit in (0, 1)
    )
    cfg = config(many("a"), a="dial = false -> dial = true")
    run(machine, cfg, Event.APPLY)
    assert {NO_DEVICES[0], no_device(NUMBERS[0])} == {*machine.run_state.interfaces.values()}

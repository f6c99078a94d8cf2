"""`[firewall] offload = true`: which flows pass by the chains, and when they are judged anew."""

import pytest
from machine import BASE, config
from plans import lines, shown

from dualwan.errors import ConfigError
from dualwan.findings import find
from dualwan.frozen import replace
from dualwan.host import flowtables
from dualwan.host.fake import FakeHost
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.observed import Link, Observed
from dualwan.model.resources import Address
from dualwan.model.state import RunState
from dualwan.model.surroundings import Surroundings
from dualwan.nft.transaction import replacement
from dualwan.planning import make_plan
from dualwan.reconcile import reconcile
from dualwan.slices import Remains, Situation, offload

ON = "[firewall]\noffload = true\n"
OFFLOADED = config(BASE + ON)
LINKS = {name: Link(at, True) for at, name in enumerate(("wan0", "lan0", "lan1", "ppp0"), 2)}
SEEN = Observed(links=LINKS)


def at(cfg=OFFLOADED, observed=SEEN, line=None):
    """Return what the slice plans from."""
    return Situation(cfg, line or derive_line(cfg), RunState(), observed)


def table(**changed):
    """Return the table that is wanted."""
    return offload.wanted_table(at(**changed))


def flowtable(made):
    """Return the flowtable of a table."""
    (found,) = (block for block in made.blocks if block.kind == "flowtable")
    return found


def with_address(address, **links):
    """Return a machine whose session has ADDRESS, with LINKS that are others."""
    return replace(SEEN, addresses=(Address("ppp0", address, 32),), links={**LINKS, **links})


def test_it_is_off_unless_asked_for():
    """No table, no device that is looked at, and no question to the kernel."""
    assert offload.bring_up(at(config())).steps == ()
    assert offload.devices_of(config()) == ()


def test_the_wan_and_the_lan_are_its_devices():
    """The session's own is not: it goes at each reconnect; packets come in by the WAN."""
    assert offload.devices_of(OFFLOADED) == ("wan0", "lan0")
    assert flowtable(table()).lines == (
        "hook ingress priority filter",
        'devices = { "wan0", "lan0" }',
    )


def test_a_device_that_is_missing_is_left_out_until_it_comes():
    """For nft takes no table that names one; patterns are no names."""
    two = config(BASE.replace('["lan0"]', '["lan0", "lan9", "br-*"]') + ON)
    assert offload.devices_of(two) == ("wan0", "lan0", "lan9")
    assert flowtable(table(cfg=two)).lines[1] == 'devices = { "wan0", "lan0" }'
    there = replace(SEEN, links={**LINKS, "lan9": Link(9, False)})
    assert flowtable(table(cfg=two, observed=there)).lines[1] == (
        'devices = { "wan0", "lan0", "lan9" }'
    )
    assert 'oifname { "lan0", "lan9" }' in table(cfg=two, observed=there).source()


def test_without_the_lan_there_is_no_table():
    """And none is loaded; one that was is taken away."""
    alone = replace(SEEN, links={"wan0": LINKS["wan0"]})
    assert shown(offload.bring_up(at(observed=alone))) == []
    left = replace(alone, tables=(table(),))
    assert shown(offload.bring_up(at(observed=left))) == ["- nft table inet dualwan_offload"]


def test_flows_are_added_by_packets_that_all_chains_have_passed():
    """After every filter; neither questions nor anything by the tunnel."""
    (chain,) = (block for block in table().blocks if block.name == "forward")
    assert chain.hook == "type filter hook forward priority 300; policy accept;"
    name = flowtable(table()).name
    assert lines(table().source(), "forward")[1:] == [
        "meta l4proto != { tcp, udp } accept",
        "ct status ! assured accept",
        'iifname vmap { "lan0" : goto from_lan, "ppp0" : goto from_session }',
    ]
    assert lines(table().source(), "from_lan") == [
        f'oifname {{ "lan0" }} ct status ! snat ct status ! dnat flow add @{name}',
        f'oifname "wan0" meta nfproto ipv6 flow add @{name}',
        'oifname { "ppp0" } meta nfproto ipv4 '
        "update @going { meta l4proto . ip saddr . th sport . ip daddr . th dport }",
    ]
    assert lines(table().source(), "from_session") == [
        'oifname { "lan0" } meta mark & 0x0f000000 == 0x08000000 '
        "meta l4proto . ip daddr . th dport . ip saddr . th sport @going "
        f"flow add @{name}",
    ]
    assert "mape0" not in table().source()


def test_a_flow_by_pppoe_needs_an_address_that_the_session_has():
    """Held against the packet's own destination before NAT, whatever the table was made for."""
    assert lines(table().source(), "arrivals")[1] == (
        'iifname { "ppp0" } meta nfproto ipv4 fib daddr . iif type local '
        "meta mark set meta mark & 0xf0ffffff | 0x08000000"
    )
    assert "203.0.113.7" not in table(observed=with_address("203.0.113.7")).source()


@pytest.mark.parametrize(
    "changed",
    [
        {"observed": with_address("203.0.113.8")},
        {"observed": SEEN},
        {"cfg": config(BASE + ON + 'smb = "accept"\n')},
        {"cfg": config(BASE.replace('["lan0"]', '["lan0"]\nvia-pppoe = ["192.168.1.40"]') + ON)},
        {"line": replace(derive_line(OFFLOADED), prefix="2001:db8:0:200::/64")},
        {"observed": with_address("203.0.113.7", ppp0=Link(99, True))},
        {"observed": with_address("203.0.113.7", lan0=Link(99, True))},
    ],
    ids=[
        "another address",
        "no session",
        "the configuration",
        "via-pppoe",
        "renumbering",
        "another session with the same address",
        "a device that was away",
    ],
)
def test_what_decides_about_a_flow_gives_another_flowtable(changed):
    """In one transaction, so every flow passes the chains again; and nothing else does."""
    before = table(observed=with_address("203.0.113.7"))
    after = table(**{"observed": with_address("203.0.113.7"), **changed})
    assert flowtable(before).name != flowtable(after).name
    text = replacement(before, after)
    assert f"delete flowtable inet dualwan_offload {flowtable(before).name}\n" in text
    assert "delete set inet dualwan_offload going\n" in text
    assert f"flowtable {flowtable(after).name} {{" in text
    assert text.index("flush chain") < text.index("delete flowtable")
    assert table(observed=with_address("203.0.113.7")) == before


def test_a_kernel_that_refuses_it_gets_none():
    """The plan has no step then, and the finding says why: a notice, as all else works."""
    refusing = replace(SEEN, flowtables=False)
    assert offload.bring_up(at(observed=refusing)).steps == ()
    (found,) = find(OFFLOADED, Surroundings(flowtables=False))
    assert found.code == "state-no-flowtable"
    assert found.is_notice
    assert find(config(), Surroundings(flowtables=False)) == ()


def test_down_takes_it_away():
    """Also without a configuration."""
    loaded = replace(SEEN, tables=(table(),))
    assert shown(offload.take_down(Remains(RunState(), loaded))) == [
        "- nft table inet dualwan_offload"
    ]


def machine(**changed):
    """Return a router in memory."""
    return FakeHost(replace(Observed(links=LINKS, ipv6_default=True), **changed))


def applied(host, cfg=OFFLOADED):
    """Bring the router up; return the steps that were applied."""
    return [step.text for _, step in reconcile(cfg, host, Event.APPLY).applied]


def names(host):
    """Return the names of the tables that are loaded."""
    return {one.name for one in host.state.tables}


def test_it_comes_last_and_the_second_run_does_nothing():
    """After routes and rules; switched off, it goes."""
    host = machine()
    assert applied(host)[-1] == "nft table inet dualwan_offload"
    assert applied(host) == []
    applied(host, config())
    assert "dualwan_offload" not in names(host)
    assert host.run_state.tables == ("dualwan_firewall", "dualwan_snat", "dualwan_pbr")
    assert applied(host, config()) == []


def test_one_that_somebody_deleted_is_put_back():
    """It is missed as any other table, and named."""
    host = machine()
    applied(host)
    host.delete_table("dualwan_offload")
    plan = make_plan(OFFLOADED, host, Event.APPLY)
    assert "somebody removed nft table inet dualwan_offload" in plan.warnings
    assert applied(host) == ["nft table inet dualwan_offload"]


def test_on_a_kernel_without_flowtables_the_rest_is_loaded():
    """Nothing fails, no table is missed, and the next run has nothing to do."""
    host = machine(flowtables=False)
    assert not reconcile(OFFLOADED, host, Event.APPLY).failures
    assert names(host) == {"dualwan_firewall", "dualwan_snat", "dualwan_pbr"}
    assert applied(host) == []


@pytest.mark.parametrize(
    ("interfaces", "answer"),
    [('["wan0"]', "needs an interface"), ('["br-*"]', "needs an interface")],
)
def test_without_a_lan_of_its_own_it_is_an_error(interfaces, answer):
    """A LAN on the WAN's interface stays out of it, and so do patterns."""
    with pytest.raises(ConfigError, match=answer):
        config(BASE.replace('["lan0"]', interfaces) + ON)


def test_its_value_is_true_or_false():
    """As each switch of the file."""
    with pytest.raises(ConfigError, match="offload"):
        config(BASE + '[firewall]\noffload = "yes"\n')


def test_the_kernel_is_asked_only_where_none_is_loaded(monkeypatch):
    """One that stands is proof enough; without root nothing can be known."""
    asked = []
    monkeypatch.setattr(flowtables, "_takes", lambda: bool(asked.append(1)))
    assert flowtables.accepted(None)
    assert flowtables.accepted((table(),))
    assert not asked
    assert not flowtables.accepted(())
    assert asked == [1]

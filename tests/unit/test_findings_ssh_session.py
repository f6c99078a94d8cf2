"""Whether a plan cuts the SSH session in which it is asked for."""

from ipaddress import ip_address

import pytest
from machine import BASE, CE, Machine, config, run

from dualwan.findings.ssh_session import cut
from dualwan.model.event import Event
from dualwan.model.ssh_session import SshSession
from dualwan.planning import make_plan

PPPOE = "203.0.113.7"
OPEN = BASE + "[firewall]\ninbound = [{}]\n"


def session(peer, own, device, port=22, *, by_default=False):
    """Return a session."""
    return SshSession(ip_address(peer), ip_address(own), port, device, by_default)


def reason(text, one, *before, event=Event.APPLY, only=None):
    """Return why ``event`` of the configuration ``text`` cuts the session, "" if it does not.

    ``before``: the text that was applied before, if any.
    """
    machine = Machine("wan0", "lan0", "eth9")
    machine.connect(PPPOE)
    machine.announced["wan0"] = ("2001:db8:0:100::/64",)
    for earlier in before:
        run(machine, config(earlier), Event.APPLY)
    found = cut(make_plan(config(text) if text else None, machine, event, only), one)
    assert not found or (
        found.startswith(f"this SSH session (from {one.peer} to {one.own}, port {one.port}) would")
        and found.endswith("; dualwan-hook try goes back by itself")
    )
    return found.partition("would be cut: ")[2].partition("; dualwan-hook")[0]


IPIP = (
    BASE[: BASE.index("[mape]")]
    + """[mape]
mode = "ipip"
br = "2001:db8:ffff::9"
ipv4 = "192.0.2.18"
interface-id = "::feed"

[pppoe]
dial = false
"""
)
FROM_LAN = session("192.168.1.10", "192.168.1.1", "lan0")
BY_PPPOE = session("198.51.100.1", PPPOE, "ppp0")
BY_LINE = session("2001:db8:9::1", "2001:db8:0:100::1", "wan0")
SECOND = '[way.second]\ntype = "pppoe"\ninterface = "ppp1"\npeer = "second"\n'
BY_SECOND = session("198.51.100.1", "203.0.113.9", "ppp1")
ONE_NIC = BASE.replace('["lan0"]', '["wan0"]')


@pytest.mark.parametrize(
    ("text", "one", "expected"),
    [
        (BASE, FROM_LAN, ""),
        (BASE, session("2001:db8:1::5", "2001:db8:1::1", "lan0"), ""),
        (BASE, session("127.0.0.1", "127.0.0.1", "lo"), ""),
        (BASE, BY_PPPOE, ""),  # ssh is offered by default
        (BASE, session("198.51.100.1", PPPOE, "ppp0", 2222), "tcp/2222 is not offered by ppp0"),
        (OPEN.format('"http"'), BY_PPPOE, "tcp/22 is not offered by ppp0 ([firewall] inbound"),
        (OPEN.format('"tcp/2222"'), session("198.51.100.1", PPPOE, "ppp0", 2222), ""),
        (OPEN.format('{ service = "ssh", from = ["198.51.100.0/24"] }'), BY_PPPOE, ""),
        (
            OPEN.format('{ service = "ssh", from = ["192.0.2.0/24"] }'),
            BY_PPPOE,
            "tcp/22 is offered to other networks only",
        ),
        (OPEN.format('{ service = "ssh", from = ["192.0.2.0/24"] }'), FROM_LAN, ""),
        (BASE, BY_LINE, 'tcp/22 is not offered by wan0 ([firewall] inbound, via "ipv6")'),
        (OPEN.format('{ service = "ssh", via = ["ipv6"] }'), BY_LINE, ""),
        (OPEN.format('{ service = "ssh", via = ["ipv6"] }'), BY_PPPOE, "tcp/22 is not offered"),
        (BASE, session("192.0.2.9", "192.0.2.7", "wan0"), "by IPv4 of wan0 no service is offered"),
        (BASE, session("2001:db8::9", "2001:db8::7", "ppp0"), ""),  # as by IPv4
        (OPEN.format('"http"'), session("2001:db8::9", "2001:db8::7", "ppp0"), "tcp/22 is not"),
        (BASE + SECOND, BY_SECOND, ""),
        (OPEN.format('{ service = "ssh", via = ["second"] }') + SECOND, BY_SECOND, ""),
        (OPEN.format('{ service = "ssh", via = ["second"] }') + SECOND, BY_PPPOE, "tcp/22 is not"),
        (BASE, session("192.0.2.9", "192.0.2.18", "mape0"), "by IPv4 of mape0 no service"),
        (BASE, session("10.0.0.9", "10.0.0.1", "eth9"), "no section names eth9"),
        (BASE.replace('["lan0"]', '["lan0", "eth*"]'), session("10.0.0.9", "10.0.0.1", "eth9"), ""),
        (
            BASE.replace("dial = false", 'dial = false\ninterface = "ppp7"'),
            session("198.51.100.1", PPPOE, "ppp0"),
            "no section names ppp0",
        ),
        (ONE_NIC, session("192.168.1.10", "192.168.1.1", "wan0"), ""),
        (ONE_NIC, session("192.0.2.9", "192.168.1.1", "wan0"), "by IPv4 of wan0 no service"),
        (
            BASE,
            session("10.9.9.9", "192.168.1.1", "lan0", by_default=True),
            "its answers take lan0 by a default route, and would take mape0",
        ),
        (BASE, session("2001:db8:9::1", "2001:db8:1::1", "lan0", by_default=True), ""),
    ],
)
def test_a_first_apply_from_here_and_there(text, one, expected):
    """From the LAN, by PPPoE, by the line, by what no section names."""
    found = reason(text, one)
    assert found.startswith(expected)
    assert bool(found) is bool(expected)


def test_what_changes_nothing_cuts_nothing():
    """Also where the session could not be opened anew."""
    one = session("198.51.100.1", PPPOE, "ppp0", 2222)
    assert reason(BASE, one)
    assert reason(BASE, one, BASE) == ""


def test_only_the_slices_that_are_asked_for_count():
    """`--slice snat` loads no firewall."""
    one = session("198.51.100.1", PPPOE, "ppp0", 2222)
    assert reason(BASE, one, only=["firewall"])
    assert reason(BASE, one, only=["snat", "pbr"]) == ""


def test_a_way_that_leaves_the_configuration():
    """The service was open, and the change closes it."""
    assert reason(OPEN.format('"http"'), BY_PPPOE, BASE).startswith("tcp/22 is not offered")
    assert reason(BASE.replace("psid = 1\n", "psid = 2\n"), BY_PPPOE, BASE) == ""


@pytest.mark.parametrize(
    ("dial", "expected"),
    [("true", "PPPoE (ppp0) is hung up"), ("false", "nothing routes its answers by ppp0 any")],
)
def test_down_by_pppoe(dial, expected):
    """Its session ends, or the routing by its address."""
    text = BASE.replace("dial = false", f"dial = {dial}")
    assert reason(text, BY_PPPOE, text, event=Event.REMOVE).startswith(expected)
    assert reason(text, FROM_LAN, text, event=Event.REMOVE) == ""
    assert reason(text, BY_LINE, text, event=Event.REMOVE) == ""


def test_an_address_of_the_tunnel():
    """A fixed address goes with the tunnel, or with another address; the CE's too."""
    fixed = session("198.51.100.1", "192.0.2.18", "mape0")
    ce = session("2001:db8:9::1", CE, "wan0")
    offers = OPEN.format('"ssh", { service = "ssh", via = ["ipv6"] }')
    assert reason(offers, ce, offers) == ""
    assert (
        reason(offers.replace("99:f000:0:100", "99:f000:0:200"), ce, offers)
        == f"its address {CE} goes"
    )
    assert reason(offers, ce, offers, event=Event.REMOVE) == f"its address {CE} goes"
    assert reason(IPIP, fixed) == ""
    assert reason(IPIP, fixed, IPIP, event=Event.REMOVE) == "its address 192.0.2.18 goes"


def test_without_a_configuration_and_without_a_session():
    """`down` with a broken configuration goes by notes; at a console there is nothing to say."""
    assert reason(None, FROM_LAN, BASE, event=Event.REMOVE) == ""
    machine = Machine("wan0", "lan0")
    assert cut(make_plan(config(), machine, Event.APPLY), None) == ""


def test_the_command_says_it_before_it_acts(run, machine):
    """The dry run as a warning of the plan, the command before it begins; try too."""
    machine.connect(PPPOE)
    machine.ssh = session("198.51.100.1", PPPOE, "ppp0", 2222)
    _, out, _ = run("--dry-run")
    assert "warning: this SSH session (from 198.51.100.1 to 203.0.113.7, port 2222) would" in out
    _, out, _ = run("--dry-run", "--json")
    assert "would be cut: tcp/2222 is not offered by ppp0" in out
    code, _, err = run("try")
    assert code == 0
    assert err.startswith("dualwan-hook: warning: this SSH session")
    run("try", "--revert")
    assert run()[2].startswith("dualwan-hook: warning: this SSH session")
    assert run()[2] == ""

"""What the scripts ask for, merged into keys; and where the template has them."""

import pytest
import tomli
from init_cases import EXAMPLE

from dualwan.config import firewall, from_text
from dualwan.errors import HostError
from dualwan.setup import template
from dualwan.setup.outcome import Entry, Inbound, Outcome, Redirect
from dualwan.setup.wish import Setting, wish


def entries(*outcomes):
    """Return entries with these keys and values, one a line."""
    return [Entry(f"x:{at}", "", Outcome(*one)) for at, one in enumerate(outcomes, 1)]


SHUT = ("", "OUTPUT")  # the policy of mape.sh


def settings(*outcomes):
    """Return what is written for these keys and values."""
    return {(one.section, one.key): one.toml for one in wish(entries(*outcomes)).settings}


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        (("tcp/22", "tcp/8443"), '["ssh", "tcp/8443"]'),
        (("tcp/53",), '["tcp/53"]'),
        (("tcp/53", "udp/53", "ping"), '["dns", "ping"]'),
        (("udp/443",), '["http3"]'),
    ],
)
def test_ports_have_the_names_of_services(ports, expected):
    """A service of two ports only if both are there."""
    assert settings(SHUT, ("firewall.outbound", ports)) == {("firewall", "outbound"): expected}


def test_what_is_the_default_is_not_written():
    """In any order; it is said instead."""
    ports = ("ping", "tcp/22", "tcp/25", "udp/53", "tcp/53", "tcp/443", "tcp/80", "udp/123")
    found = wish(entries(SHUT, ("firewall.outbound", ports), ("mape.mtu", 1460)))
    assert found.settings == ()
    assert found.usual[0] == "[mape] mtu = 1460"
    assert found.usual[1].startswith('[firewall] outbound = ["ssh"')


def test_a_range_is_the_one_of_the_configuration():
    """An MTU of PPPoE below that of every IPv4 host is refused, and so is one above Ethernet's."""
    least = ("pppoe.mtu", 576)
    assert settings(least) == {("pppoe", "mtu"): "576"}
    found = wish(entries(("pppoe.mtu", 575), ("pppoe.mtu", 1501)))
    assert found.settings == ()
    assert [one.partition(": ")[0] for one in found.refused] == ["x:1", "x:2"]


def test_what_was_open_stays_open_and_what_was_shut_stays_shut():
    """Without a policy that drops, services are added to the default; with one, none are open."""
    port = ("firewall.outbound", ("udp/51820",))
    added = '["ssh", "smtp", "dns", "http", "https", "ntp", "ping", "udp/51820"]'
    assert settings(port) == {("firewall", "outbound"): added}
    assert settings(port, ("", "$i"))[("firewall", "outbound")] == '["udp/51820"]'
    assert settings(("", "INPUT")) == {("firewall", "inbound"): "[]"}
    assert settings(("", "FORWARD"), SHUT) == {}


@pytest.mark.parametrize(
    ("inbound", "expected"),
    [
        ((Inbound("tcp/22", (), True),), '["ssh"]'),
        ((Inbound("tcp/22"),), '[{ service = "ssh", guard = false }]'),
        ((Inbound("tcp/80", (), True),), '[{ service = "http", guard = true }]'),
        (
            (Inbound("tcp/22", ("192.0.2.0/24",)), Inbound("tcp/22", (), True)),
            '[{ service = "ssh", from = ["192.0.2.0/24"] }, "ssh"]',
        ),
        ((Inbound("tcp/80"), Inbound("tcp/80")), '["http"]'),
    ],
)
def test_who_may_use_a_service_is_kept(inbound, expected):
    """Networks and the limit on attempts, each written only where it is not the default."""
    found = settings(("firewall.inbound", inbound))[("firewall", "inbound")]
    assert found == expected
    text = template.filled(EXAMPLE, [Setting("firewall", "inbound", found)])
    from_text("x", text, {})


def test_services_whose_networks_are_none_are_left_out():
    """They are not opened for all instead."""
    assert settings(("firewall.inbound", (Inbound("tcp/22", ("home.example",)),))) == {}


def test_the_first_of_two_values_counts_and_a_wrong_one_is_named():
    """With the place of the other, and the reason."""
    found = wish(
        entries(
            ("mape.mtu", 1400),
            ("mape.mtu", 1420),
            ("mape.tunnel", "ip6tnl0"),
            ("pppoe.table", (254, 5)),
            ("firewall.guard", {"hits": 30, "seconds": 9}),
        )
    )
    assert [one[:3] for one in found.settings] == [
        ("mape", "mtu", "1400"),
        ("pppoe", "priority", "5"),
        ("firewall.guard", "seconds", "9"),
    ]
    assert [one.partition(": ")[0] for one in found.refused] == ["x:2", "x:3", "x:4", "x:5"]


def test_forwards_are_taken_once_and_take_their_port_from_the_services():
    """Windows file sharing is none, nor is one for a network that is none."""
    web = Redirect("pppoe", "tcp", 80, "192.168.1.5")
    found = wish(
        entries(
            ("forward", (web,)),
            ("forward", (web._replace(to="192.168.1.6"),)),
            ("forward", (Redirect("pppoe", "tcp", 445, "192.168.1.5"),)),
            ("forward", (Redirect("pppoe", "tcp", 81, "192.168.1.5:139"),)),
            ("forward", (Redirect("pppoe", "tcp", 82, "192.168.1.5", ("x",)),)),
            ("forward", (Redirect("pppoe", "tcp", 83, "127.0.0.1"),)),
            ("firewall.inbound", (Inbound("tcp/80"), Inbound("tcp/443"))),
        )
    )
    assert found.forwards == ((web, "x:1"),)
    assert len(found.refused) == 5
    assert [one.toml for one in found.settings] == ['["https"]']


def test_a_value_takes_the_place_of_its_line():
    """Commented out or not, with its comment, and the place that it was taken from above it."""
    text = template.filled(
        EXAMPLE,
        [
            Setting("wan", "interface", '"eth0"', "/root/mape.sh:3"),
            Setting("pppoe", "peer", '"isp"'),
            Setting("firewall.guard", "hits", "9"),
        ],
        [(Redirect("pppoe", "tcp", 80, "192.168.1.5", ("192.0.2.0/24",)), "/root/x:1")],
    )
    lines = text.splitlines()
    at = lines.index('interface = "eth0"')
    assert lines[at - 1] == "# (from /root/mape.sh:3)"
    assert 'peer = "isp"'.ljust(44) + "# a file in /etc/ppp/peers" in lines
    data = tomli.loads(text)
    assert data["firewall"]["guard"] == {"hits": 9}
    assert data["forward"][0]["from"] == ["192.0.2.0/24"]
    assert data["wan"] == {"interface": "eth0"}
    added = 1 + 1 + 8
    assert len(lines) == len(EXAMPLE.splitlines()) + added


def test_a_path_stays_a_comment():
    """Whatever letters the name of a script has."""
    text = template.filled(EXAMPLE, [Setting("pppoe", "peer", '"isp"', "/a\n[wan]\x1b:1")])
    assert "# (from /a?[wan]?:1)\npeer = " in text


def test_every_key_that_init_writes_is_in_the_example():
    """So each of them has its place; one that is missing is an error that names it."""
    for section, key in (("mape", "psid-length"), ("pppoe", "dial"), ("firewall", "smb")):
        assert template.filled(EXAMPLE, [Setting(section, key, "1")]) != EXAMPLE
    with pytest.raises(HostError, match=r"lacks \[\('mape', 'colour'\)\]"):
        template.filled(EXAMPLE, [Setting("mape", "colour", "1")])


def test_the_example_is_found_in_a_checkout():
    """The package has a copy beside the program."""
    assert template.packaged() == EXAMPLE


def test_the_default_services_are_those_of_the_scripts():
    """What the scripts allow is what `usual` says of them."""
    assert firewall.INBOUND == ["ssh", "smtp", "http", "https"]

"""Rules and names as people write them, which iptables accepts and a configuration does not."""

import pytest
from init_command import NAMED, init_path, init_run
from test_setup_rules import outcome

from dualwan.model.setup import SetupMachine, SourceFile
from dualwan.setup import script as scripts
from dualwan.setup.outcome import Inbound, Redirect
from dualwan.setup.wish import wish

__all__ = ["init_path", "init_run"]  # fixtures
SCRIPT = 'WANDEV=enp1s0\nLAN="enp3s0 enp4s0"\n{}\npon isp\n'


@pytest.mark.parametrize(
    ("written", "sources"),
    [
        ("0/0", ()),
        ("any/0", ()),
        ("192.0.2.0/24,0.0.0.0/0", ()),
        ("192.0.2.77/24", ("192.0.2.0/24",)),
        ("192.0.2.0/255.255.255.0", ("192.0.2.0/24",)),
        ("192.0.2.1", ("192.0.2.1",)),
        ("192.0.2.1/32", ("192.0.2.1/32",)),
        ("198.51/16", ("198.51.0.0/16",)),
    ],
)
def test_sources_are_networks_as_iptables_reads_them(written, sources):
    """A service of theirs was named among what is open, and was in no configuration."""
    found = outcome(f"iptables -A IN -i ppp0 -s {written} -p tcp --dport 22 -j ACCEPT")
    assert found.value == (Inbound("tcp/22", sources),)
    text = f"iptables -t nat -A PREROUTING -s {written} -p tcp --dport 25 -j DNAT --to 192.168.1.5"
    assert outcome(text).value == (Redirect("pppoe", "tcp", 25, "192.168.1.5", sources),)


@pytest.mark.parametrize(
    "text",
    [
        "-A IN -i ppp0 -s home.example -p tcp --dport 22 -j ACCEPT",
        "-A IN -i ppp0 -s 192.0.2.1/0.0.0.255 -p tcp --dport 22 -j ACCEPT",
        "-t nat -A PREROUTING -s home.example -p tcp --dport 25 -j DNAT --to 192.168.1.5",
        "-A IN ! -i ppp0 -p icmp --icmp-type 8 -j ACCEPT",
        "-A IN -p icmp --icmp-type 8 -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT",
        "-A IN -p icmp --icmp-type 8 -m set --match-set friends src -j ACCEPT",
    ],
)
def test_what_is_for_some_is_not_opened_for_all(text):
    """Nor taken over for nobody: a person is told."""
    found = outcome(f"iptables {text}")
    assert (found.value, found.done) == (None, False)


def read(*rules):
    """Return the wish of a script with RULES of the chain INPUT."""
    text = "".join(f"iptables {one.replace('INPUT', 'INPUT -p tcp --dport 22')}\n" for one in rules)
    return wish(scripts.account(SourceFile("x", text)))


ALL, SOME = "-A INPUT -j ACCEPT", "-A INPUT -s 192.0.2.0/24 -j ACCEPT"
NONE = "-A INPUT -i ppp0 -j DROP"


@pytest.mark.parametrize(
    ("rules", "opened"),
    [
        ((NONE, ALL), ""),
        ((NONE.replace("-i ppp0 -j DROP", "-j REJECT"), SOME), ""),
        ((ALL, NONE.replace("-A", "-I")), ""),
        ((ALL, NONE), '[{ service = "ssh", guard = false }]'),
        ((SOME, NONE), '[{ service = "ssh", from = ["192.0.2.0/24"] }]'),
        ((NONE.replace("ppp0", "eth1"), ALL), '[{ service = "ssh", guard = false }]'),
        ((NONE.replace("-j", "-m limit --limit 1/s -j"), SOME), '["192.0.2.0/24"] }]'),
        ((NONE.replace("-i", "-s 203.0.113.0/24 -i"), SOME), '["192.0.2.0/24"] }]'),
    ],
)
def test_a_port_that_was_refused_before_is_not_opened(rules, opened):
    """What was shut by PPPoE, say, and then let in, was let in for the LAN."""
    found = read(*rules)
    assert "".join(one.toml for one in found.settings).endswith(opened)
    assert bool(found.settings) == bool(opened)
    place, refusal = (2, 1) if NONE in rules[0] or "REJECT" in rules[0] else (1, 2)
    said = f"x:{place}: tcp/22 is not opened, because x:{refusal} refuses it before"
    assert found.refused == (() if opened else (said,))


def test_a_chain_of_some_packets_refuses_those():
    """What comes from the LAN by eth1 alone."""
    text = "iptables -N ITS\niptables -A INPUT -i eth1 -j ITS\n"
    text += (
        "iptables -A ITS -p tcp --dport 22 -j DROP\niptables -A INPUT -p tcp --dport 22 -j ACCEPT"
    )
    assert wish(scripts.account(SourceFile("x", text))).refused == ()


def test_a_limit_of_pings_is_the_routers_own():
    """It has one."""
    text = "iptables -A IN -i ppp0 -p icmp --icmp-type 8 -m limit --limit 1/s -j ACCEPT"
    assert outcome(text).value == (Inbound("ping"),)


@pytest.mark.parametrize(
    "condition",
    ["-s 10.9.0.5", "-s 10.9.0.5/32", "-d 224.0.0.251", "-d 224.0.0.0/4", "-s admin.example"],
)
def test_an_interface_with_one_trusted_host_is_not_of_the_lan(condition):
    """Its other hosts, guests say, would have been trusted too."""
    found = outcome(f"iptables -A INPUT -i guest0 {condition} -j ACCEPT")
    assert (found.value, found.done) == (None, False)
    assert "name it in [lan] interfaces" in found.says


@pytest.mark.parametrize("condition", ["-s 10.9.0.0/24", "-d 10.9.0.1", "-s $NET", "-s 0/0"])
def test_an_interface_whose_hosts_are_trusted_is_of_the_lan(condition):
    """All of a private network, or all that is sent to the router."""
    assert outcome(f"iptables -A INPUT -i eth5 {condition} -j ACCEPT").value == "eth5"


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("iptables -A INPUT -i br+ -j ACCEPT", "lan.interfaces", "br*"),
        ("iptables -A INPUT -i $INSIDE -j ACCEPT", "", None),
        ("LAN=eth0:1", "", None),
        ("LAN=eth0,eth1", "lan.interfaces", "eth0,eth1"),
        ("WANDEV=all", "", None),
        ('pon "my provider"', "", None),
        ("pppd call ../isp", "", None),
        ("sysctl -w accept_ra=1", "", None),
    ],
)
def test_a_name_that_no_key_takes_is_not_taken_over(line, key, value):
    """Each ended init with a traceback, where nobody was there to answer otherwise."""
    (found,) = scripts.account(SourceFile("x", f"{line}\n"))
    assert (found.outcome.key, found.outcome.value) == (key, value)
    assert found.outcome.done == bool(key)


@pytest.mark.parametrize("line", ["iptables -A INPUT -i $INSIDE -j ACCEPT", "pon 'my provider'"])
def test_init_goes_on_without_what_it_cannot_take(run, monkeypatch, line):
    """The other names of the script are enough."""
    machine = SetupMachine(scripts=(SourceFile("/root/x", SCRIPT.format(line)),))
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    code, out, _ = run("--dry-run")
    assert code == 0
    assert 'interfaces = ["enp3s0", "enp4s0"]' in out


def test_a_name_of_the_machine_that_cannot_be_written_is_an_error(run, monkeypatch):
    """The kernel has no rule against it; the options name another."""
    machine = SetupMachine(peers=("odd peer",))
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
    code, _, err = run(*NAMED, "--dry-run")
    assert (code, err) == (
        2,
        "dualwan-hook: 'odd peer' is no name of a file in /etc/ppp/peers\n",
    )

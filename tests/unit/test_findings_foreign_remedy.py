"""What is to be done about chains of other programs."""

import pytest
from machine import BASE, config

from dualwan.findings import find
from dualwan.model.surroundings import Surroundings
from dualwan.nft.foreign.chain import DROP, TRANSLATE, UNKNOWN, Chain, Condition, Rule

FORWARD = '[[forward]]\nvia = "mape"\nprotocol = "tcp"\nport = 5136\nto = "192.168.1.10:80"\n'


@pytest.mark.parametrize(
    ("hook", "usual"), [("postrouting", "srcnat (100)"), ("prerouting", "dstnat (-100)")]
)
def test_nat_that_is_asked_too_early_gets_the_usual_priority_of_its_hook(hook, usual):
    """By the name that nft(8) has for it."""
    rules = (Rule((UNKNOWN,), TRANSLATE),)
    early = Chain("nft table ip theirs", "ip", "c", "nat", hook, priority=-200, rules=rules)
    (one,) = find(config(BASE + FORWARD), Surroundings(chains=(early,)))
    assert f"as {usual} is" in one.remedy


@pytest.mark.parametrize("name", ["ufw-x", "DOCKER-USER"])
def test_a_pattern_is_one_of_iptables_in_its_command(name):
    """With an asterisk it would be taken, and match no device."""
    dropping = Chain("iptables filter", "ip", "c", "filter", "forward", policy=DROP)
    around = Surroundings(chains=(dropping, dropping._replace(name=name, hook="")))
    text = BASE.replace('["lan0"]', '["br-*"]')
    remedy = find(config(text), around)[0].remedy
    assert "br-+ " in remedy
    assert "br-*" not in remedy


@pytest.mark.parametrize(
    ("name", "hook", "words"),
    [
        ("ufw-x", "input", "ufw allow in on ppp0 proto tcp to any port 8443"),
        ("ufw-x", "output", "accept it there, or remove the chain"),
        ("DOCKER-USER", "input", "accept it there, or remove the chain"),
        ("DOCKER-USER", "output", "accept it there, or remove the chain"),
    ],
)
def test_what_the_router_itself_receives_or_sends_is_not_let_through(name, hook, words):
    """A rule for forwarded packets would not help it."""
    some = Condition("dport", ("8443",)) if hook == "input" else Condition("protocol", ("ipip",))
    dropping = Chain("iptables filter", "inet", "c", "filter", hook, rules=(Rule((some,), DROP),))
    around = Surroundings(chains=(dropping, dropping._replace(name=name, hook="")))
    text = BASE + '[firewall]\ninbound = ["tcp/8443"]\n'
    (one,) = find(config(text), around)
    assert words in one.remedy

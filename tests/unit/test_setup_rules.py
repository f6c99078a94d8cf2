"""What becomes of a single rule of iptables: the key that does it, or why none does."""

import shlex

import pytest

from dualwan.setup import names, nat_rules, rule
from dualwan.setup.outcome import Inbound, Redirect

CHAINS = """\
iptables -N IN
iptables -A INPUT -j IN
iptables -N OUT
iptables -A OUTPUT -j OUT
iptables -N FWD
iptables -A FORWARD -j FWD
iptables -N LIMIT
iptables -A LIMIT -m recent --set
"""


def outcome(text):
    """Return what becomes of the rule ``text``, on a router with usual names."""
    rules = [rule.parse(shlex.split(line)) for line in [*CHAINS.splitlines(), text]]
    assert None not in rules
    known = names.known(rules, "enp1s0", ["ip6tnl1"], ["ppp0"], ["enp3s0"])
    return nat_rules.ruled(rules[-1], known)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("-A OUT -p tcp --dport 22 -j ACCEPT", "outbound", ("tcp/22",)),
        ("-A OUT -p udp --dport domain -j ACCEPT", "outbound", ("udp/53",)),
        ("-A OUT -o ppp0 -p tcp --dport 80 -j ACCEPT", "outbound", ("tcp/80",)),
        (
            "-A OUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
            "outbound",
            ("tcp/80", "tcp/443"),
        ),
        ("-A OUT -p icmp --icmp-type 8 -j ACCEPT", "outbound", ("ping",)),
        ("-A IN -p tcp --dport 80 -j ACCEPT", "inbound", (Inbound("tcp/80"),)),
        (
            "-A IN -i ppp+ -p udp --destination-port 500:501 -j ACCEPT",
            "inbound",
            (Inbound("udp/500"), Inbound("udp/501")),
        ),
        (
            "--append IN --protocol tcp --source 192.0.2.0/24 --dport 22 --jump ACCEPT",
            "inbound",
            (Inbound("tcp/22", ("192.0.2.0/24",)),),
        ),
        ("-A IN -i ppp0 -p tcp --dport 22 -j LIMIT", "inbound", (Inbound("tcp/22", (), True),)),
        ("-A IN -p icmp --icmp-type echo-request -j ACCEPT", "inbound", (Inbound("ping"),)),
        ("-A IN -p tcp --dport 113 -j REJECT --reject-with tcp-reset", "ident", "reset"),
        ("-A IN -p tcp --dport 113 -j DROP", "ident", "drop"),
        ("-A FWD -p udp --dport 137:139 -j DROP", "smb", "drop"),
        ("-A IN -p tcp --tcp-flags ALL NONE -j DROP", "bogus", "drop"),
        ("-A LIMIT -m recent --rcheck --seconds 9 -j DROP", "guard", {"refuse": 9}),
        (
            "-A LIMIT -m recent --update --seconds 7 --hitcount 4 -j DROP",
            "guard",
            {"hits": 4, "seconds": 7},
        ),
        (
            "-A LIMIT -m recent --rcheck --seconds 7 --hitcount 1 -j DROP",
            "guard",
            {"hits": 1, "seconds": 7},
        ),
    ],
)
def test_a_rule_that_a_key_does(text, key, value):
    """The key of [firewall] and what the rule asks for under it."""
    found = outcome(f"iptables {text}")
    assert (found.key, found.value, found.done) == (f"firewall.{key}", value, True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "-i ppp0 -p tcp --dport 8080 -j DNAT --to-destination 192.168.1.5:80",
            (Redirect("pppoe", "tcp", 8080, "192.168.1.5:80"),),
        ),
        (
            "-i ip6tnl1 -p udp --dport 1040 -j DNAT --to 192.168.1.5",
            (Redirect("mape", "udp", 1040, "192.168.1.5"),),
        ),
        (
            "-s 192.0.2.0/24 -p tcp --dport 25 -j DNAT --to 192.168.1.5",
            (Redirect("pppoe", "tcp", 25, "192.168.1.5", ("192.0.2.0/24",)),),
        ),
        (
            "-i ppp0 -p tcp --dport 80:81 -j DNAT --to 192.168.1.5",
            (
                Redirect("pppoe", "tcp", 80, "192.168.1.5"),
                Redirect("pppoe", "tcp", 81, "192.168.1.5"),
            ),
        ),
    ],
)
def test_a_port_that_leads_to_a_host_is_a_forward(text, value):
    """By the way of its interface, and by PPPoE where none is named."""
    found = outcome(f"iptables -t nat -A PREROUTING {text}")
    assert (found.key, found.value) == ("forward", value)


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("--append INPUT", "-A INPUT"),
        ("--insert INPUT 1", "-I INPUT 1"),
        ("--delete INPUT 1", "-D INPUT 1"),
        ("--new-chain GUARD", "-N GUARD"),
        ("--flush INPUT", "-F INPUT"),
        ("--delete-chain GUARD", "-X GUARD"),
        ("--policy INPUT DROP", "-P INPUT DROP"),
        ("--list INPUT", "-L INPUT"),
        ("--table nat --append OUTPUT", "-t nat -A OUTPUT"),
        ("-A INPUT --jump DROP", "-A INPUT -j DROP"),
        ("-A INPUT --protocol tcp", "-A INPUT -p tcp"),
        ("-A INPUT --in-interface lo --out-interface lo", "-A INPUT -i lo -o lo"),
        ("-A INPUT --source 192.0.2.1 --dst 192.0.2.2", "-A INPUT -s 192.0.2.1 -d 192.0.2.2"),
        ("-A INPUT --fragment", "-A INPUT -f"),
        ("-A INPUT --match tcp --source-port 1", "-A INPUT -m tcp --sport 1"),
        ("-A INPUT --destination-ports 1,2", "-A INPUT --dports 1,2"),
    ],
)
def test_a_long_option_is_the_short_one(long, short):
    """As iptables(8) has them."""
    found = rule.parse(["iptables", *long.split()])
    assert found == rule.parse(["iptables", *short.split()])
    assert found.command


def test_an_interface_that_may_do_all_is_of_the_lan():
    """Its name is the value; loopback needs no key."""
    assert outcome("iptables -A INPUT -i enp9s0 -j ACCEPT").value == "enp9s0"
    assert outcome("iptables -A INPUT -i lo -j ACCEPT").key == ""


def test_who_is_only_let_through_is_not_of_the_lan():
    """A network of guests would get to the router too; the LAN's own name needs no word."""
    guests = outcome("iptables -A FORWARD -i enp9s0 -o ppp0 -j ACCEPT")
    assert (guests.value, guests.done) == (None, False)
    assert "name it in [lan] interfaces" in guests.says
    assert outcome("iptables -A FORWARD -i enp3s0 -o ppp0 -j ACCEPT").done
    assert outcome("iptables -A FORWARD -o docker0 -m state --state ESTABLISHED -j ACCEPT").done
    assert not outcome("iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT").done


@pytest.mark.parametrize(
    "text",
    [
        "-A OUT -p tcp -d 192.0.2.1 --dport 22 -j ACCEPT",  # the destination would be lost
        "-A IN ! -i ppp0 -p tcp --dport 22 -j ACCEPT",
        "-A IN -i ppp0 ! -s 192.0.2.0/24 -p tcp --dport 22 -j ACCEPT",
        "-A IN -i ppp0 -s $HOME -p tcp --dport 22 -j ACCEPT",
        "-A IN -p udp --dport 500 -m limit --limit 5/s -j ACCEPT",
        "-A IN -p tcp --dport 1:65535 -j ACCEPT",
        "-A IN -i ip6tnl1 -p tcp --dport 80 -j ACCEPT",  # not by MAP-E's shared address
        "-A IN -i ip6tnl1 -p icmp --icmp-type echo-request -j ACCEPT",
        "-A IN -i enp3s0 -p tcp --dport 22 -j LIMIT",  # the LAN's attempts alone
        "-A IN ! -i ppp0 -p tcp --dport 22 -j LIMIT",
        "-A IN -p tcp --dport 22 -m mac --mac-source 02:00:00:00:00:01 -j LIMIT",
        "-A IN -d 192.168.1.1 -p tcp --dport 80 -j ACCEPT",  # the router's address in the LAN
        "-A IN -d 192.168.1.1 -p tcp --dport 22 -j LIMIT",
        "-A IN -s 192.168.1.0/24,10.0.0.0/8 -p tcp --dport 80 -j ACCEPT",
        "-A IN -d 127.0.0.0/8 -p icmp --icmp-type echo-request -j ACCEPT",
        "-t nat -A PREROUTING -d 192.168.1.1 -p tcp --dport 80 -j DNAT --to 192.168.1.5",
        "-A IN -p tcp --dport $PORT -j ACCEPT",
        "-A IN -p tcp --dport 70000 -j ACCEPT",
        f"-A IN -p tcp --dport {'9' * 5000} -j ACCEPT",
        "-A IN -j NFQUEUE",
        "-A FWD -p tcp --dport 9999 -j DROP",
        "-t nat -A PREROUTING -i ppp0 -p tcp -j DNAT --to 192.168.1.5",
        "-t nat -A PREROUTING -i ppp0 -p tcp --dport 80:81 -j DNAT --to 192.168.1.5:80",
        "-t nat -A PREROUTING -i ppp0 -p tcp --dport 80 -j DNAT --to 192.168.1.5-192.168.1.9",
        "-t nat -A PREROUTING -i enp3s0 -p tcp --dport 80 -j DNAT --to 192.168.1.5",
        "-t nat -A PREROUTING -i ppp0 -p tcp --dport 80 -j DNAT --to 192.168.1.5:70000",
        "-t nat -A PREROUTING -j NETMAP --to 10.0.0.0/8",
        "-P INPUT ACCEPT",
    ],
)
def test_a_rule_that_says_more_than_a_key_is_not_taken_over(text):
    """Nothing is opened wider than it was; a sentence says what to do."""
    found = outcome(f"iptables {text}")
    assert (found.value, found.done) == (None, False)
    assert len(found.says) > 20


def in_chain(jump, text):
    """Return what becomes of the rule ``text``, in a chain to which ``jump`` leads."""
    lines = [f"iptables -N {name}" for name in ("OUTER", "ITS")]
    lines += [f"iptables {one}" for one in (*jump, text)]
    rules = [rule.parse(shlex.split(line)) for line in lines]
    return nat_rules.ruled(rules[-1], names.known(rules, "enp1s0", ["ip6tnl1"], ["ppp0"]))


@pytest.mark.parametrize(
    ("jump", "text"),
    [
        (("-A INPUT -i enp3s0 -j ITS",), "-A ITS -p tcp --dport 80 -j ACCEPT"),
        (("-A INPUT ! -i ppp0 -j ITS",), "-A ITS -p tcp --dport 80 -j ACCEPT"),
        (("-A INPUT -i ip6tnl1 -j ITS",), "-A ITS -p icmp --icmp-type 8 -j ACCEPT"),
        (("-A INPUT -s 192.0.2.0/24 -j ITS",), "-A ITS -p tcp --dport 80 -j ACCEPT"),
        (("-A INPUT -d 192.168.1.1 -j ITS",), "-A ITS -p tcp --dport 80 -j ACCEPT"),
        (("-A OUTPUT -d 192.0.2.1 -j ITS",), "-A ITS -p tcp --dport 81 -j ACCEPT"),
        (
            ("-A INPUT -i enp3s0 -j OUTER", "-A OUTER -j ITS"),
            "-A ITS -p tcp --dport 80 -j ACCEPT",
        ),
        (
            ("-t nat -A PREROUTING -i enp3s0 -j ITS",),
            "-t nat -A ITS -p tcp --dport 80 -j DNAT --to 192.168.1.5",
        ),
    ],
)
def test_what_a_jump_lets_through_is_not_opened_for_all(jump, text):
    """A rule of a chain for the LAN, say, opened the port to the internet."""
    found = in_chain(jump, text)
    assert (found.value, found.done) == (None, False)
    assert "a jump lets only some packets get to ITS" in found.says


@pytest.mark.parametrize(
    "jump",
    [
        ("-A INPUT -j ITS",),
        ("-A INPUT -i ppp+ -d $WANHOST -p tcp -m state --state NEW -j ITS",),
        ("-A INPUT -i enp3s0 -j ITS", "-A INPUT -i ppp0 -j ITS"),
        ("-A INPUT -j OUTER", "-A OUTER -p tcp --syn -j ITS"),
    ],
)
def test_a_chain_for_all_that_comes_by_pppoe_opens(jump):
    """One of its jumps is enough, also through another chain."""
    assert in_chain(jump, "-A ITS -p tcp --dport 80 -j ACCEPT").value == (Inbound("tcp/80"),)


def test_a_rule_for_the_lan_names_the_key_of_the_lan():
    """Who wrote it into [firewall] inbound, as was advised, opened it to the internet."""
    for target in ("ACCEPT", "LIMIT"):
        found = outcome(f"iptables -A IN -i enp9s0 -p tcp --dport 3000 -j {target}")
        assert found.says == "if enp9s0 leads to the LAN, name it in [lan] interfaces"


@pytest.mark.parametrize(
    "text",
    [
        "iptables -A FWD -m state --state ESTABLISHED,RELATED -j ACCEPT",
        "iptables -A FWD -o ppp0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        "iptables -t mangle -A FORWARD -o ip6tnl1 -p tcp --syn -j TCPMSS --set-mss 1400",
        "iptables -A IN -f -j DROP",
        "iptables -A IN -m conntrack --ctstate INVALID -j DROP",
        "iptables -A IN -p tcp ! --syn -m state --state NEW -j DROP",
        "iptables -A INPUT -j DROP",
        "iptables -P FORWARD DROP",
        "iptables -N NEW",
        "iptables -F IN",
        "iptables -t nat -A POSTROUTING -o ppp0 -j MASQUERADE",
        "iptables -t nat -A POSTROUTING -o ip6tnl1 -j SNAT --to 192.0.2.1:1024-1039",
        "iptables -t nat -A PREROUTING -m statistic --mode nth --every 63 -j MARK --set-mark 17",
        "ip6tables -A INPUT -p ipv6-icmp -j ACCEPT",
        "ip6tables -A INPUT -j DROP",
    ],
)
def test_a_rule_whose_work_is_done_anyway(text):
    """No key is named, and a sentence says what does it."""
    found = outcome(text)
    assert (found.key, found.done) == ("", True)
    assert found.value == ("FORWARD" if "-P" in text else None)  # a chain that is shut
    assert found.says


def test_other_calls_are_no_rules():
    """Of other programs, in a pipeline, or nothing at all."""
    for text in ("ip link", "iptables -L | grep x", "iptables-save"):
        assert rule.parse(shlex.split(text)) is None
    assert rule.parse([]) is None


def test_a_chain_is_known_by_where_it_is_reached_from():
    """Also through another, and by its name where no jump is seen."""
    rules = [
        rule.parse(shlex.split(text))
        for text in (
            "iptables -A INPUT -j A",
            "iptables -A A -j B",
            "iptables -A MYFORWARD -j DROP",
            "iptables -t nat -A A -j ACCEPT",
        )
    ]
    found = rule.bases(rules)
    assert found["filter", "B"] == "INPUT"
    assert found["filter", "MYFORWARD"] == "FORWARD"
    assert ("nat", "A") not in found

"""Chains of other programs that keep the router from its work (O2): status names them."""

import json

import pytest
from line import CONFIG, SERVERS, SHARED
from others import load_rules, masquerade

FLOWS = 20


def findings(line):
    """Return what status finds of other programs, by code."""
    data = json.loads(line.hook("status", "--json").stdout)
    return {one["code"]: (one["seen"], one["remedy"]) for one in data["findings"]}


def arrived(line):
    """Send 20 flows of UDP out of the LAN; return how many arrive."""
    server = line.internet.udp(SERVERS[0], 5000, timeout=1)
    for at in range(FLOWS):
        line.lan.udp().sendto(b"%d" % at, (SERVERS[0], 5000))
    seen = 0
    try:
        while seen < FLOWS:
            assert server.recvfrom(9)[1][0] == SHARED
            seen += 1
    except TimeoutError:
        pass
    return seen


NFT = "nft table {} theirs, chain {} (hook {}, priority {}, policy {}) drops what lan0 sends"
OURS = "table inet dualwan_firewall filters what crosses this router already"
REMOVE = f"accept it there, or remove the chain: {OURS}"
DROPPING = [
    ("policy-drop.nft", "", NFT.format("inet", "forward", "forward", 0, "drop"), REMOVE),
    ("last-rule-drops.nft", "", NFT.format("ip", "crossing", "forward", -5, "accept"), REMOVE),
    (
        "postrouting-drop.nft",
        "",
        NFT.format("ip", "leaving", "postrouting", -150, "accept"),
        REMOVE,
    ),
    ("raw-drop.nft", "", NFT.format("inet", "incoming", "prerouting", -310, "accept"), REMOVE),
    ("ingress-drop.nft", "", NFT.format("netdev", "incoming", "ingress", 0, "accept"), REMOVE),
    ("firewalld.nft", "", "nft table inet firewalld, chain filter_FORWARD (", "stop firewalld ("),
    *(
        (name, program, f"{program} table filter, chain FORWARD (hook forward, priority 0", words)
        for name, words in (
            (
                "docker.iptables",
                "let it pass before Docker's rules: iptables -I DOCKER-USER -i lan0",
            ),
            ("ufw.iptables", "allow it in ufw, such as: ufw route allow in on lan0 out on mape0"),
        )
        for program in ("iptables-nft", "iptables-legacy")
    ),
]


@pytest.mark.parametrize(("name", "program", "seen", "remedy"), DROPPING)
def test_a_chain_that_drops_what_the_lan_sends_is_named(line, name, program, seen, remedy):
    """0 of 20 flows arrive, and status says whose chain it is, and what to do."""
    assert findings(line) == {}
    load_rules(line.router, name, program)
    assert arrived(line) == 0
    found = findings(line)
    assert set(found) == {"foreign-drop"}
    assert found["foreign-drop"][0].startswith(seen)
    assert found["foreign-drop"][1].startswith(remedy)
    assert f"obstacle: {seen}" in line.hook("status").stdout


def test_what_docker_is_told_lets_the_lan_out(line):
    """The remedy is one: with those two rules the flows arrive, and nothing is named."""
    load_rules(line.router, "docker.iptables")
    for command in findings(line)["foreign-drop"][1].partition(": ")[2].split("; "):
        line.router.run(*command.replace("iptables", "iptables-nft", 1).split())
    assert arrived(line) == FLOWS
    assert findings(line) == {}


def test_what_ufw_is_told_lets_the_lan_out(line):
    """What `ufw route allow` puts into its chain is understood."""
    load_rules(line.router, "ufw.iptables")
    rule = "-A ufw-user-forward -i lan0 -o mape0 -j ACCEPT"
    line.router.run("iptables-nft", *rule.split())
    assert arrived(line) == FLOWS
    assert findings(line) == {}


INNOCENT = {
    "drops others' devices": """table inet theirs {
        chain f { type filter hook forward priority 0; policy accept;
            iifname "eth9" drop
            iifname "lan0" oifname "wan0" meta nfproto ipv4 drop
            ct state invalid drop
            fib saddr . iif oif missing drop
        }
    }""",
    "drops some addresses and ports": """table ip theirs {
        set bad { type ipv4_addr; flags interval; elements = { 203.0.113.128/25 } }
        chain f { type filter hook forward priority 0; policy accept;
            ip saddr @bad drop
            ip saddr 10.99.0.0/16 drop
            tcp dport { 25, 135-139 } reject
            ip daddr { 192.0.2.200, 192.0.2.201 } drop
            }
    }""",
    "drops what is left after it let the LAN out": """table inet theirs {
        chain f { type filter hook forward priority 0; policy drop;
            ct state vmap { established : accept, related : accept, invalid : drop }
            iifname vmap { "lan0" : jump lan, "eth9" : drop }
        }
        chain lan { oifname { "mape0", "ppp0", "wan0" } accept
            return
        }
    }""",
    "filters its own host": """table inet theirs {
        chain i { type filter hook input priority 0; policy drop;
            ct state { established, related } accept
            iifname { "lo", "lan0" } accept
            meta l4proto ipv6-icmp accept
            tcp dport { 22, 25, 53, 80, 443, 587, 993 } accept
            udp dport { 53, 123, 443 } accept
        }
    }""",
    "masquerades after us": masquerade(),
    "marks under a mask": """table ip theirs {
        chain p { type filter hook prerouting priority mangle; policy accept;
            meta mark set meta mark & 0xffffff00 | 0x00000010
            tcp dport 22 meta mark set 0x00000001
        }
    }""",
}


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_chains_that_let_our_traffic_pass_are_not_named(line, text):
    """20 of 20 flows arrive, and status is silent."""
    line.router.nft(text)
    assert arrived(line) == FLOWS
    assert findings(line) == {}


def test_a_nat_chain_that_is_asked_before_ours_is_named(line):
    """Its masquerade picks ports outside the set."""
    line.router.nft(masquerade(priority="srcnat - 20"))
    seen, remedy = findings(line)["foreign-nat"]
    assert seen.startswith("nft table ip theirs, chain postrouting (hook postrouting, priority 80")
    assert "may translate what lan0 sends by mape0" in seen
    assert remedy == "give it a priority of more than 90, as srcnat (100) is"


def test_marks_without_a_mask_are_named(bare):
    """A chain that sets the whole mark sends a server's answers by the wrong WAN."""
    line = bare(config=CONFIG)
    line.apply()
    rule = "-t mangle -A PREROUTING -i lan0 -j MARK --set-mark 7"
    line.router.run("iptables-nft", *rule.split())
    seen, _ = findings(line)["foreign-mark"]
    assert seen.startswith("iptables-nft table mangle, chain PREROUTING")
    line.router.run("iptables-nft", "-t", "mangle", "-F")
    line.router.run("iptables-nft", *rule.replace(" 7", " 7/0xff").split())
    assert findings(line) == {}


@pytest.mark.parametrize("program", ["nft", "iptables-nft", "iptables-legacy"])
def test_flows_that_conntrack_does_not_see_are_named(line, program):
    """What has no conntrack entry cannot be translated: 0 of 20 flows arrive."""
    if program == "nft":
        line.router.nft(
            "table ip theirs { chain p { type filter hook prerouting priority raw; "
            'iifname "lan0" notrack; }; }'
        )
    else:
        rule = "-t raw -A PREROUTING -i lan0 -j CT --notrack"
        line.router.run(program, *rule.split())
    assert arrived(line) == 0
    assert "has notrack for what lan0 sends by mape0" in findings(line)["foreign-notrack"][0]

"""mape.sh and pppoe.sh as they were published: each command and rule is accounted for."""

import shlex
import tomllib
from pathlib import Path

import pytest
from init_cases import SCRIPTS, script

from dualwan.model.setup import SetupMachine, SourceFile
from dualwan.setup import reading
from dualwan.setup import script as scripts
from dualwan.setup.rule import parse
from dualwan.setup.shell import commands

RULES = tomllib.loads((Path(__file__).parents[1] / "policy" / "scripts.toml").read_text())["rule"]
CHAINS = {"I": "INPUT", "O": "OUTPUT", "F": "FORWARD"}
# What no rule says: a shell's own words, variables of its own, and what waits.
SILENT = {"exit", "echo", "break", "sleep"}


def read(*names, **values):
    """Return what is read of these scripts."""
    files = tuple(SourceFile(f"/root/etc/{name}", script(name, values)) for name in names)
    return reading.read(SetupMachine(scripts=files))


BOTH = read("mape.sh", "pppoe.sh")
ENTRIES = {entry.place: entry for entry in BOTH.entries}


@pytest.mark.parametrize("name", ["mape.sh", "pppoe.sh"])
def test_no_command_is_forgotten(name):
    """Each has an outcome with a sentence, but for the shell's own words and variables."""
    seen = 0
    for command in commands((SCRIPTS / name).read_text()):
        entry = ENTRIES.get(f"/root/etc/{name}:{command.number}")
        if command.assigned[0] or command.words[0] in SILENT:
            continue
        seen += 1
        assert entry, command
        assert entry.outcome.says
        assert entry.text == command.text
    assert seen == {"mape.sh": 78, "pppoe.sh": 41}[name]


def test_only_one_command_is_not_taken_over():
    """The advertisements on a third interface, which the scripts name and do not use."""
    left = [entry for entry in BOTH.entries if not entry.outcome.done]
    assert [entry.text for entry in left] == ["sysctl -w net.ipv6.conf.wlp2s0.accept_ra=2"]
    assert "[lan] interfaces" in left[0].outcome.says


def _normal(words, chain):
    """Return a rule in the words of tests/policy/scripts.toml."""
    text = " ".join(words[words.index(chain) + 1 :])
    for old, new in (
        ("--tcp-flags SYN,RST SYN", "SYN"),
        ("$WANHOST", "WANHOST"),
        ("ppp0", "WAN"),
        ("???.???.???.???", "IP4"),
    ):
        text = text.replace(old, new)
    return text.replace("PPPOESSH", "SSH").replace("SSHATTACK: ", "'SSHATTACK: '")


@pytest.mark.parametrize("name", ["mape.sh", "pppoe.sh"])
def test_the_rules_are_those_of_the_policy(name):
    """Each rule that the policy lists is a command here, with its key or the reason for none."""
    written = {}
    for command in commands((SCRIPTS / name).read_text()):
        rule = parse(command.words)
        if rule and rule.command == "-A" and not command.when:
            chain = rule.chain.removeprefix("MAPE").removeprefix("PPPOE")
            written[chain, _normal(command.words, rule.chain)] = command.number
    listed = [one["rule"] for one in RULES if one["script"] == name]
    compared = 0
    for text in listed:
        first, _, rest = text.partition(" ")
        chain = CHAINS.get(first, first)
        if chain not in {*CHAINS.values(), "SSHATTACK", "SSHCONNECT"}:
            continue
        compared += 1
        number = written.pop((chain, rest))
        assert ENTRIES[f"/root/etc/{name}:{number}"].outcome.done
    assert compared == {"mape.sh": 27, "pppoe.sh": 18}[name]
    left = {chain for chain, _ in written} - {"natPREROUTING", "natOUTPUT", "natPOSTROUTING"}
    assert left <= {"INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"}
    assert all("-j" in text for _, text in written)


def test_what_they_ask_for_is_the_default():
    """Only the name of the tunnel is another; the interfaces and the peer are asked for."""
    assert [one[:3] for one in BOTH.wish.settings] == [("mape", "tunnel", '"ip6tnl1"')]
    assert len(BOTH.wish.usual) == 12
    assert BOTH.wish.refused == BOTH.wish.forwards == ()
    assert BOTH.said("wan.interface") == [("enp1s0", "/root/etc/mape.sh:3")]
    assert BOTH.said("lan.interfaces") == [("enp3s0", "/root/etc/pppoe.sh:4")]
    assert BOTH.said("pppoe.peer") == [("dsl-provider", "/root/etc/pppoe.sh:27")]


def test_their_values_are_taken_where_they_are_whole():
    """With question marks, as published, there are none; filled in there are."""
    assert BOTH.hand is None
    assert BOTH.wrong == ()
    found = read(
        "mape.sh", BR="2001:db8:ffff::9", CE="2001:DB8:0:100::1", IP4="192.0.2.18", PSID="1"
    )
    assert found.hand
    assert (found.hand.br, found.hand.ce, found.hand.ipv4) == (
        "2001:db8:ffff::9",
        "2001:db8:0:100::1",
        "192.0.2.18",
    )
    assert (found.hand.psid, found.hand.offset, found.hand.length) == (1, 6, 6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"PSID": "64"}, ":9: '64' is no PSID of 6 bits"),
        ({"PSID": "one"}, ":9: 'one' is no PSID of 6 bits"),
        ({"IP4": "192.0.2.300"}, ":8: '192.0.2.300' is no IPv4 address"),
        ({"BR": "::1"}, ":6: '::1' cannot be an end of the tunnel"),
    ],
)
def test_a_value_that_is_none_is_named(values, message):
    """With file and line, and the others are not taken without it."""
    good = {"BR": "2001:db8::9", "CE": "2001:db8::1", "IP4": "192.0.2.18", "PSID": "1"}
    found = read("mape.sh", **good | values)
    assert found.hand is None
    assert found.wrong == (f"/root/etc/mape.sh{message}",)


def test_the_ports_follow_from_the_sum():
    """Of v6plus, with 15 blocks; a sum that is no port set is not taken over."""
    for old, new, value in (
        ("\\* 1024 + $PSID \\* 16", "\\* 4096 + $PSID \\* 16", (4, 8)),
        ("`expr $rule \\* 1024 + $PSID \\* 16`", "$((rule * 1024 + PSID * 16))", (6, 6)),
        ("\\* 1024", "\\* 1000", None),
    ):
        text = script("mape.sh", replaced={old: new})
        found = [
            entry.outcome
            for entry in scripts.account(SourceFile("x", text))
            if entry.text.startswith("portl=")
        ]
        assert [one.value for one in found] == [value], new


def test_a_script_is_known_by_what_it_does():
    """A tunnel, or a dial; what does neither is none."""
    assert scripts.kind((SCRIPTS / "mape.sh").read_text()) == scripts.MAPE_SH
    assert scripts.kind((SCRIPTS / "pppoe.sh").read_text()) == scripts.PPPOE_SH
    assert scripts.kind("ip link add t type ip6tnl local ::1") == scripts.MAPE_SH
    assert scripts.kind("/usr/sbin/pppd call isp") == scripts.PPPOE_SH
    assert scripts.kind("echo pon") == ""


@pytest.mark.parametrize(
    ("text", "key", "value", "done"),
    [
        ("pppd call isp nodetach", "pppoe.peer", "isp", True),
        ("pppd pty x", "", None, False),
        ("pon $PEER", "", None, False),
        ("ip rule add from $A lookup 7 pref 9", "pppoe.table", (7, 9), True),
        ("ip rule add from $A table 7", "pppoe.table", (7, None), True),
        ("ip rule add fwmark 1 lookup main", "", None, False),
        ("ip route add default dev ppp0", "", None, False),
        ("ip route add 10.0.0.0/8 via 192.168.1.2", "", None, False),
        ("ip link set ppp0 mtu 1400", "pppoe.mtu", 1400, True),
        ("ip link set dev eth9 up", "", None, False),
        ("ip address add 192.168.1.1/24 dev eth9", "", None, False),
        ("ip neigh flush all", "", None, False),
        ("sysctl -w net.ipv4.ip_forward=1", "", None, True),
        ("sysctl -w net.core.somaxconn=9", "", None, False),
        ("/usr/bin/logger hello", None, None, None),
        ("ddns-update", "", None, False),
    ],
)
def test_other_commands(text, key, value, done):
    """Of people who have changed the scripts; a word of the shell has no outcome."""
    found = scripts.account(SourceFile("x", f"{text}\n"))
    if key is None:
        assert found == []
        return
    assert [(one.outcome.key, one.outcome.value, one.outcome.done) for one in found] == [
        (key, value, done)
    ]


def test_a_rule_can_be_split_as_a_shell_does():
    """The words that iptables gets are those of the file."""
    text = "iptables -A INPUT -m comment --comment 'a b' -p tcp --dport 22 -j ACCEPT"
    assert list(commands(text)[0].words) == shlex.split(text)


@pytest.mark.parametrize(
    ("path", "text", "command"),
    [
        (
            "/root/a.sh",
            'if [ "stop" = "$MODE" ]; then\n  poff x\nelse\n  pon x\nfi',
            "MODE=stop /root/a.sh",
        ),
        ("/root/a b", "case $1 in\nstop) poff x;;\nstart) pon x;;\nesac", "'/root/a b' stop"),
        ("/root/a", 'case "${1}" in\ndown) poff x;;\nup) pon x;;\nesac', "/root/a down"),
        ("/root/a", "pon x\n", ""),  # as it is, it would dial again
        ("/root/a", "echo $1 $MODE\npon x\n", ""),
        ("/root/a", 'if [ stop = "$WHAT" ]; then\n  poff x\nfi', ""),
    ],
)
def test_a_script_is_stopped_as_it_can_be(path, text, command):
    """By MODE as the published ones, or by a word; no command is named that would start it."""
    assert scripts.stopping(SourceFile(path, text)) == command

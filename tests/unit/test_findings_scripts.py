"""S3: what mape.sh and pppoe.sh left is named, with how to end it."""

import pytest
from documents import AUTO
from machine import BASE, config

from dualwan.findings import find
from dualwan.host.around import scripts as source
from dualwan.host.surroundings import look
from dualwan.model.resources import RouteRule, Tunnel
from dualwan.model.surroundings import ScriptLine, Surroundings, Traces

BR = "2001:db8:ffff::9"
THEIRS = Tunnel("ip6tnl1", "2001:db8::1", BR, "wan0", 1460)
INTERFACES = """\
allow-hotplug enp1s0
iface enp1s0 inet6 auto
    up MODE=start /root/etc/mape.sh
  down MODE=stop /root/etc/pppoe.sh  # and so on
    up ip link set enp1s0 mtu 1500
    # up MODE=start /root/etc/mape.sh
iface enp1s0 inet manual
"""


def found(text=BASE, **traces):
    """Return the findings about TRACES."""
    return find(config(text), Surroundings(traces=Traces(**traces)))


def test_a_second_tunnel_to_the_border_relay_is_named():
    """Whatever its own end is; one to somewhere else is none of our business."""
    elsewhere = Tunnel("vpn6", "2001:db8::1", "2001:db8:77::1", "wan0", 1460)
    (one,) = found(tunnels=(elsewhere, THEIRS))
    assert one.code == "script-tunnel"
    assert one.text == (
        f"ip6tnl1 is another tunnel of the line's IPv4, from 2001:db8::1 to {BR}, as mape.sh makes"
        " it, and mape0 is ours: run mape.sh once with MODE=stop, or `ip -6 tunnel del ip6tnl1`;"
        " then run dualwan-hook"
    )


def test_the_relay_is_one_of_any_rule_with_provider_auto():
    """The prefix need not be known for that."""
    relay = next(str(rule.br) for rule in config(AUTO).mape.rules if rule.br)
    (one,) = found(AUTO, tunnels=(Tunnel("ip6tnl1", "2001:db8::1", relay, "wan0", 1460),))
    assert one.code == "script-tunnel"


@pytest.mark.parametrize(
    ("mape", "named"),
    [
        (f'mode = "ipip"\nbr = "{BR}"\nipv4 = "192.0.2.18"\ninterface-id = "::feed"', True),
        ('mode = "ds-lite"\naftr = "gw.example.jp"', False),
    ],
)
def test_the_relay_of_a_fixed_address_counts_as_well(mape, named):
    """Of DS-Lite's no address need be known, and mape.sh is not for it."""
    text = BASE.split("[mape]", maxsplit=1)[0] + f"[mape]\n{mape}\n"
    assert bool(found(text, tunnels=(THEIRS,))) is named


def test_the_chains_of_each_script_are_one_finding():
    """Chains of similar names are not."""
    chains = (
        *("ip filter INPUT", "ip filter MAPEINPUT", "ip nat MAPEnatOUTPUT", "ip filter MAPEMINE"),
        *("iptables-legacy filter PPPOESSHCONNECT", "ip nat PPPOEnat", "ip filter XMAPEINPUT"),
    )
    mape, pppoe = found(chains=chains)
    assert "mape.sh" in mape.seen
    assert mape.seen.endswith(": MAPEINPUT (ip filter), MAPEnatOUTPUT (ip nat)")
    assert "`iptables -t TABLE -D FROM" in mape.remedy
    assert pppoe.seen.endswith(": PPPOESSHCONNECT (iptables-legacy filter)")
    assert "`iptables-legacy -t TABLE -D FROM" in pppoe.remedy


def test_chains_are_removed_without_shutting_anybody_out():
    """mape.sh has policies that drop, and iptables removes no chain to which a jump leads."""
    (one,) = found(chains=("ip filter MAPEINPUT",))
    places = [
        one.remedy.index(word) for word in (" -P CHAIN", " -D FROM", "`-F CHAIN", "`-X CHAIN")
    ]
    assert places == sorted(places)


def test_a_rule_for_our_table_that_is_not_ours_is_named():
    """By source, as pppoe.sh adds it; rules for other tables, or by mark, are others' affair."""
    rules = (
        RouteRule(32766, 254),
        RouteRule(90, 200, "10.0.0.1"),
        RouteRule(100, 100, mark=1, mask=1),
        RouteRule(100, 100, "203.0.113.7"),
    )
    (one,) = found(rules=rules)
    assert one.code == "script-rule"
    assert "`ip rule del from 203.0.113.7 table 100 priority 100`" in one.remedy


def test_a_line_of_interfaces_that_runs_a_script_is_named_with_file_and_line(tmp_path):
    """The path in it is the one to stop the script by; comments and others' lines are none."""
    path = tmp_path / "etc" / "network" / "interfaces"
    path.parent.mkdir(parents=True)
    path.write_text(f"{INTERFACES}source interfaces.d/*\n")
    (path.parent / "interfaces.d").mkdir()
    (path.parent / "interfaces.d" / "lan").write_text("  post-up /root/etc/mape.sh\n")
    traces = look(tmp_path).traces
    assert [(one.path, one.number) for one in traces.lines] == [
        ("/etc/network/interfaces", 3),
        ("/etc/network/interfaces", 4),
        ("/etc/network/interfaces.d/lan", 1),
    ]
    tunnel, *lines = found(tunnels=(THEIRS,), lines=traces.lines)
    assert tunnel.remedy.startswith("run `MODE=stop /root/etc/mape.sh` once, or ")
    assert lines[0].text == (
        "/etc/network/interfaces:3 runs MODE=start /root/etc/mape.sh,"
        " which dualwan-hook replaces: remove the line"
    )


@pytest.mark.parametrize("broken", ["Netlink", "Nft"])
def test_what_cannot_be_read_is_left_out(monkeypatch, tmp_path, broken):
    """A kernel that refuses one question does not hide the other answers."""

    class Refuses:
        def __getattr__(self, name):
            raise source.HostError(name)

    monkeypatch.setattr(source, broken, Refuses)
    traces = source.traces(["mape0"], 100, tmp_path)
    assert isinstance(traces, Traces)
    assert not traces.chains if broken == "Nft" else not traces.rules


def test_a_line_is_a_value():
    """Findings are pure: a line that some test or program made is as good as a file's."""
    (one,) = found(lines=(ScriptLine("/etc/network/interfaces", 7, "/opt/pppoe.sh"),))
    assert one.code == "script-line"

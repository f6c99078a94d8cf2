import json
import shutil

import pytest
from line import OTHER_PPPOE, PPPOE

THEIRS = """\
table inet theirs {
    set blocked { type ipv4_addr; flags timeout; elements = { 198.51.100.200 timeout 1h } }
    chain input {
        type filter hook input priority 5; policy accept;
        ip saddr @blocked counter drop
    }
}
table ip dualwan {
    chain lookalike { counter; }
}
"""


def occupy(line):
    """Let somebody else use the router's nft, rules, routes and addresses."""
    line.router.nft(THEIRS)
    line.router.ip("""
        rule add pref 90 from 10.9.0.0/16 lookup 200
        rule add pref 100 from 10.9.9.9 lookup 100
        rule add pref 101 fwmark 0x1000000/0x3000000 lookup 100 protocol static
        route add default dev lan0 table 200
        route add 10.8.0.0/16 dev lan0
        route add 10.7.0.0/16 dev lan0 table 100
        address add 10.6.0.1/32 dev wan0
    """)


def of_others(line):
    """Return all of the router's state that is not ours."""
    router = line.router
    tables = [line.table("inet", "theirs"), line.table("ip", "dualwan")]
    for table in tables:
        for item in table["nftables"]:
            for element in item.get("set", {}).get("elem", []):
                element["elem"].pop("expires", None)
    rules = set(router.run("ip", "-d", "rule").splitlines()) - set(line.rules())
    routes = {
        route
        for route in router.run("ip", "route", "show", "table", "all").splitlines()
        if "217" not in route and "dualwan" not in route and "dev ppp0" not in route
    }
    addresses = router.run("ip", "-o", "address", "show", "dev", "wan0", "scope", "global")
    return json.dumps(tables), sorted(rules), sorted(routes), addresses


def test_what_others_made_stays_through_every_step(bare):
    """Tables, rules, routes and addresses of others outlive apply, PPPoE, mending and down."""
    line = bare()
    occupy(line)
    before = of_others(line)
    line.apply()
    assert of_others(line) == before
    line.event("ppp-up", PPP_IFACE="ppp0")
    assert of_others(line) == before
    line.router.ip(f"address del {PPPOE}/32 dev ppp0\naddress add {OTHER_PPPOE}/32 dev ppp0")
    line.event("ppp-up", PPP_IFACE="ppp0")
    assert of_others(line) == before
    line.router.ip("link del ppp0")
    line.event("ppp-down", PPP_IFACE="ppp0")
    assert of_others(line) == before
    assert line.hook("down").returncode == 0
    assert of_others(line) == before


def test_down_leaves_nothing(bare):
    """Rules, routes, tables and sysctls are as they were."""
    line, name = bare(), "net/ipv4/conf/ppp0/rp_filter"
    line.router.sysctl(name, "1")
    line.event("ppp-up", PPP_IFACE="ppp0")
    assert line.router.sysctl(name) == "0"
    assert line.leftovers()
    done = line.hook("down")
    assert (done.returncode, done.stderr) == (0, "")
    assert line.leftovers() == []
    assert line.router.sysctl(name) == "1"
    assert line.hook("down").stdout == "nothing to do\n"


def test_somebody_who_flushes_everything_is_mended(line):
    """After `nft flush ruleset` and lost rules the next run restores what is ours."""
    tables, rules, routes = line.tables(), line.rules(), line.routes()
    line.router.ip("rule flush\nrule add pref 32766 lookup main\nroute flush table 100")
    line.router.run("nft", "flush", "ruleset")
    assert not line.settled()
    line.apply()
    assert (line.tables(), line.rules(), line.routes()) == (tables, rules, routes)
    assert line.settled()


@pytest.mark.parametrize(
    "edit",
    [
        "add rule inet dualwan_firewall input accept",
        "add rule ip dualwan_snat postrouting masquerade",
        "delete table ip dualwan_pbr",
        "flush chain ip dualwan_snat egress_filter",
        "add set inet dualwan_firewall extra { type ipv4_addr; }",
    ],
)
def test_a_table_that_somebody_edited_is_seen_and_mended(line, edit):
    """The kernel has given another handle to something in it; then it reads as before."""
    before = line.texts()
    line.router.run("nft", edit)
    assert not line.settled()
    line.apply()
    assert line.texts() == before
    assert line.settled()


def test_counters_and_connections_are_no_change(line):
    """Traffic that a table has seen is not an edit; a second run keeps handles and counters."""
    line.lan.udp().sendto(b"", ("198.51.100.1", 5000))
    before = line.table("ip", "dualwan_snat")
    assert line.settled()
    line.apply()
    assert line.table("ip", "dualwan_snat") == before


def test_a_broken_run_state_changes_nothing_that_stands(line):
    """What was loaded is known from records of its own."""
    before = line.table("ip", "dualwan_snat")
    (line.run_directory / "state.json").write_text("{broken")
    assert line.settled()
    line.apply()
    assert line.table("ip", "dualwan_snat") == before


def test_a_lost_run_directory_is_no_disaster(line):
    """Without it the tables are loaded again, and all is in order."""
    shutil.rmtree(line.run_directory)
    assert not line.settled()
    line.apply()
    assert line.settled()
    assert len(line.rules()) == 4


def test_the_names_of_all_tables_are_seen(line):
    """Ours and hundreds of others', of whatever family; without root nobody can tell."""
    others = [f"a_table_of_somebody_else_{at}" for at in range(300)]
    line.router.nft(
        "".join(
            f"add table {family} {name}\n"
            for name, family in zip(
                others, ["ip", "ip6", "inet", "netdev", "bridge", "arp"] * 50, strict=True
            )
        )
    )
    seen = line.python(
        "import os\n"
        "from dualwan.host.kernel import KernelHost\n"
        "host = KernelHost()\n"
        "print(*sorted(host.table_names()))\n"
        "os.setuid(65534)\n"
        "print(host.table_names())\n"
    ).stdout.splitlines()
    assert seen == [" ".join(sorted([*others, *line.tables()])), "None"]

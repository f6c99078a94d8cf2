"""What doctor asks of a line and hears, with real packets; the tunnel is a veth here."""

import json
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest
from access import BR, CE, CONFIG, Access, Provider

LIMIT_SECONDS = 20
OTHER_PSID = "2001:db8:0:100:c0:2:1200:200"  # CE with PSID 2 in the draft's layout
OTHER_LAYOUT = "2001:db8:0:100:0:c000:212:1"  # ours in the layout of RFC 7597
# Everything is loaded first: a checkout may lie where only its owner can read.
AS_NOBODY = """\
import encodings.ascii, importlib, os, pkgutil, nftables
import dualwan
for module in pkgutil.walk_packages(dualwan.__path__, "dualwan."):
    importlib.import_module(module.name)  # nobody may not read every checkout
from dualwan.cli import main
from dualwan.mape import table
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
table.load_table = lambda *_: None
raise SystemExit(main())
"""


@pytest.fixture(name="examined")
def _examined(bare):
    """Return a function that makes a line with a provider, and lets doctor look at it."""
    made = []

    def examine(config=CONFIG, before=None, applied=True, **provider):
        line = bare(config=config)
        if applied:
            line.apply()
        access = Access(line, Provider(**provider))
        made.append(access)
        if before:
            before(line, access)
        started = time.monotonic()
        done = line.hook("doctor", "--json")
        assert time.monotonic() - started < LIMIT_SECONDS
        assert done.stderr == ""
        found = json.loads(done.stdout)
        assert done.returncode == (0 if found["well"] else 1)
        return {one["name"]: one for one in found["checks"]}

    yield examine
    for access in made:
        access.close()


def result(checks, name):
    """Return the result of one check, and what it has seen."""
    return checks[name]["result"], checks[name]["seen"]


def test_a_line_that_works(examined):
    """Advertisement, relay, tunnel, MTU and each block of ports are found in order."""
    checks = examined()
    for name in (
        "device",
        "advertisement",
        "provider",
        "ce",
        "ipv6-route",
        "border-relay",
        "tunnel",
        "mtu",
        "ports",
    ):
        assert checks[name]["result"] == "ok", checks[name]
    assert "63 blocks" in checks["ports"]["seen"]
    assert checks["ipv4"]["result"] == "not applicable"
    assert checks["mtu"]["seen"] == "1460 bytes pass"


def test_nobody_advertises(examined):
    """No answer to a solicitation and no default route: what follows from it is not guessed."""
    checks = examined(
        advertises=False,
        before=lambda line, _: line.router.run("ip", "-6", "route", "del", "default"),
    )
    assert result(checks, "advertisement") == (
        "failed",
        "no router advertisement is heard on wan0 after a router solicitation",
    )
    assert checks["tunnel"]["because"] == "advertisement"


def test_no_carrier(examined):
    """The cable is out at the other end."""
    checks = examined(before=lambda line, _: line.internet.run("ip", "link", "set", "wan", "down"))
    assert result(checks, "device") == ("failed", "wan0 has no carrier")


def test_a_relay_that_nobody_can_reach(examined):
    """A router on the way says so by ICMPv6."""

    def lose(line, _):
        line.internet.sysctl("net/ipv6/conf/all/forwarding", "1")
        line.internet.ip(f"""
            address del {BR}/128 dev lo
            route add unreachable {BR}/128
        """)

    checks = examined(before=lose)
    assert checks["border-relay"]["result"] == "failed"
    assert f"says of the border relay {BR}" in checks["border-relay"]["seen"]


@pytest.mark.parametrize(
    ("asked", "word"), [(OTHER_PSID, "the PSID is 2, not 1"), (OTHER_LAYOUT, 'the layout "rfc"')]
)
def test_the_ce_that_the_line_asks_for_shows_what_is_wrong(examined, asked, word):
    """Nothing comes back, and the line solicits another CE of our prefix: that one is right."""
    checks = examined(ce=asked, before=lambda _, access: access.ask_for(asked))
    assert checks["border-relay"]["result"] == "ok", "it answers a ping"
    assert checks["tunnel"]["result"] == "failed"
    assert f"the line asks for the CE {asked}" in checks["tunnel"]["seen"]
    assert word in checks["tunnel"]["seen"]


def test_a_relay_that_is_silent(examined):
    """Nothing comes back, and nothing says why."""
    checks = examined(relays=False)
    assert checks["tunnel"]["result"] == "failed"
    assert "none came back" in checks["tunnel"]["seen"]
    assert checks["mtu"]["because"] == "tunnel"


def test_an_mtu_black_hole(examined):
    """What is larger than 1420 bytes of IPv6 is lost without a word."""
    checks = examined(largest=1420)
    assert checks["tunnel"]["result"] == "ok"
    assert checks["mtu"]["result"] == "failed"
    assert "those of 1380 do" in checks["mtu"]["seen"]
    assert "mtu = 1380" in checks["mtu"]["remedy"]


def test_a_relay_that_only_tells_where_packets_end(examined):
    """It sends nothing back: the MTU towards it is seen all the same, the blocks are not."""
    checks = examined(returns=False)
    assert checks["tunnel"]["result"] == "ok"
    assert checks["mtu"]["result"] == "ok"
    assert checks["ports"]["result"] == "not applicable"
    assert examined(returns=False, largest=1400)["mtu"]["result"] == "failed"


def test_blocks_that_are_another_customers(examined):
    """A wrong offset: some blocks come back, the rest are another line's."""
    mine = frozenset(range(1040, 1056)) | frozenset(range(2064, 2080))
    checks = examined(ports=mine)
    assert checks["ports"]["result"] == "failed"
    assert checks["ports"]["seen"].startswith("61 of 63 blocks do not come back")


def test_the_ce_is_gone(examined):
    """Somebody took the address away."""
    checks = examined(before=lambda line, _: line.router.ip(f"address del {CE}/128 dev wan0"))
    assert checks["ce"]["result"] == "failed"
    assert checks["ce"]["seen"] == f"the CE address {CE} is not on wan0"


def test_another_machine_answers_for_the_ce(examined):
    """A home gateway that does MAP-E itself defends the address."""
    checks = examined(
        before=lambda line, _: line.internet.ip(f"address add {CE}/128 dev wan nodad")
    )
    assert checks["ce"]["result"] == "failed"
    assert "answers for the CE address" in checks["ce"]["seen"]


def test_pppoe_discovery(examined):
    """Asked where no session is up and one is dialled."""
    dialled = CONFIG.replace("dial = false", "dial = true")

    def hung_up(line, _):
        line.router.ip("address flush dev ppp0")

    checks = examined(config=dialled, before=hung_up)
    assert result(checks, "pppoe-discovery") == ("ok", "bas-tokyo-1 answers on wan0")
    checks = examined(config=dialled, before=hung_up, offers=False)
    assert checks["pppoe-discovery"]["result"] == "failed"
    assert checks["pppoe-session"]["because"] == "pppoe-discovery"


def test_nothing_is_changed(bare):
    """Addresses, routes, rules, tables, flows and the run state are as before."""
    line = bare(config=CONFIG)
    line.apply()
    with closing(Access(line, Provider())):

        def state():
            shown = [
                line.router.run("ip", *words.split())
                for words in (
                    "-o address",
                    "route show table all",
                    "-6 route show table all",
                    "rule",
                )
            ]
            texts = line.texts()
            return (
                shown,
                texts,
                sorted(
                    (path.name, path.read_bytes())
                    for path in line.run_directory.rglob("*")
                    if path.is_file()
                ),
            )

        line.hook("doctor")  # the neighbour is known from now on
        before = state()
        line.hook("doctor")
        assert state() == before


def test_without_root_it_says_what_it_could_not_see(bare):
    """The device is looked at; what has to be listened for is not checked."""
    line = bare(config=CONFIG)
    with closing(Access(line, Provider())), tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        line.config = shutil.copy(line.config, folder)
        done = line.python(AS_NOBODY, "doctor", "--json")
    assert done.stderr == ""
    checks = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert checks["device"]["result"] == "ok"
    assert checks["border-relay"]["result"] == "not checked"
    assert "needs root" in checks["border-relay"]["seen"]
    assert done.returncode == 1

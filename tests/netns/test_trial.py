"""A trial against the kernel: what is there afterwards is what was there before."""

import os
import signal
import socket
import subprocess
from contextlib import closing, suppress

import pytest
from line import CONFIG, PPPOE, SERVERS
from space import until
from tried import Tried
from watching import Watching

NEW = CONFIG.replace("psid = 1\n", "psid = 2\n").replace(
    "[pppoe]\n", '[firewall]\ninbound = ["ping"]\n\n[pppoe]\n'
)


ZONE = '[zone.guest-lan]\ninterfaces = ["guest0"]\nmax-share = 20\n'  # a set has its name
MORE = (
    '[way.my-second]\ntype = "pppoe"\npeer = "second"\ninterface = "ppp1"\ndial = false\n'
    + ZONE.replace("max-share = 20", 'ways = ["my-second"]')
    + '[[policy]]\nway = "my-second"\nsource = "192.168.1.9"\nfallback = "none"\n'
)


@pytest.fixture(name="line")
def _line(tmp_path):
    """Return a router without a device of the tunnel's name, as after a boot."""
    with closing(Tried(tmp_path)) as made:
        made.router.ip("link del mape0")
        made.router.sysctl("net/ipv4/ip_forward", "0")
        made.router.sysctl("net/ipv6/conf/all/forwarding", "0")
        yield made


def from_nothing(_line):
    """Leave the router as after a boot."""


def from_another_configuration(line):
    """Bring the router up with the old configuration."""
    line.up()


def from_one_slice(line):
    """Close the router, and no more."""
    assert line.hook("--slice", "firewall").returncode == 0


def from_ifdown(line):
    """Bring the router up, and down again while the link stays up: the firewall stays."""
    line.up()
    line.event("ifdown", IFACE="wan0", PHASE="pre-down")


STARTS = [from_nothing, from_another_configuration, from_one_slice, from_ifdown]


def tried(line, text=NEW):
    """Try ``text``, which is written into the configuration."""
    line.config.write_text(text)
    done = line.hook("try", "--timeout", "30")
    assert done.returncode == 0, done.stderr
    assert line.armed() == 30


def test_ways_zones_and_policies_leave_nothing(line):
    """Those that were tried are gone, and those that the trial was without are there again."""
    for before, trial in ((CONFIG, CONFIG + MORE), (CONFIG + MORE, CONFIG)):
        line.config.write_text(before)
        line.up()
        was = line.dump()
        tried(line, trial)
        assert line.dump() != was
        assert line.go_back() == "the router is as before\n"
        assert line.dump() == was


def holding(ruleset):
    """Return the names of the sets and maps with elements."""
    return {name.split()[-2] for name, lines in ruleset.items() if "elements" in lines}


def kept_by_us(ruleset):
    """Return the blocks but those that the kernel empties when connections have ended."""
    return {name: lines for name, lines in ruleset.items() if "_held" not in name}


@pytest.mark.parametrize("start", STARTS)
def test_the_router_goes_back_to_exactly_what_was_there(line, start):
    """Addresses, links, routes, rules, the whole ruleset, sysctls and run files."""
    start(line)
    before = line.dump()
    tried(line)
    assert line.dump() != before
    assert line.go_back() == "the router is as before\n"
    after = line.dump()
    for what, was in before.items():
        assert after[what] == was, what
    assert line.go_back() == "no trial is pending\n"


@pytest.mark.parametrize("zone", ["", ZONE])
def test_what_packets_had_filled_is_there_again(line, zone):
    """Mappings, ports in use and refused hosts, though the trial had other sets, or none."""
    line.config.write_text(CONFIG + zone)
    line.up()
    line.router.ip("route replace default dev mape0")
    with closing(line.lan.open_socket(socket.AF_INET, socket.SOCK_DGRAM)) as host:
        for number, server in enumerate(SERVERS, 1000):
            host.sendto(b"x", (server, number))
    assert until(lambda: "192.168.1.10" in str(line.dump()["ruleset"]))
    for number in range(8):  # until the guard refuses the host
        guest = line.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=0)
        guest.bind((SERVERS[0], 20000 + number))
        with suppress(BlockingIOError, ConnectionRefusedError):
            guest.connect((PPPOE, 22))
    assert until(lambda: "refused4" in holding(line.dump()["ruleset"]))
    before = kept_by_us(line.dump()["ruleset"])
    assert {"udp_flows", "udp_mappings", "tries4_1", "refused4"} <= holding(before)
    tried(line, NEW.replace("[mape]\n", '[mape]\nopen-nat = ["192.168.1.10"]\nmax-share = 90\n'))
    line.go_back()
    after = kept_by_us(line.dump()["ruleset"])
    for block, lines in before.items():
        assert after[block] == lines, block
    assert after == before


def test_a_watcher_and_hooks_do_not_bring_the_trial_back(line):
    """They run while the router goes back, and the file still has what was tried."""
    line.up()
    before = line.dump()
    with closing(Watching(line)) as watching:
        tried(line)
        line.event("ppp-up", PPP_IFACE="ppp0")
        line.router.run("nft", "delete", "table", "ip", "dualwan_pbr")
        assert until(lambda: "dualwan_pbr" in line.tables())
        line.go_back()
        line.router.run("nft", "delete", "table", "ip", "dualwan_pbr")
        assert until(lambda: "dualwan_pbr" in line.tables())
        assert until(watching.is_idle)
        line.event("ppp-up", PPP_IFACE="ppp0")
        after = line.dump()
    for what, was in before.items():
        assert after[what] == was, what
    assert "psid = 2" in line.config.read_text()


def test_an_address_that_ppp_gets_meanwhile_is_kept(line):
    """The old configuration on the line as it is now."""
    line.up()
    tried(line)
    line.router.ip(f"address del {PPPOE}/32 dev ppp0\naddress add 203.0.113.99/32 dev ppp0")
    line.event("ppp-up", PPP_IFACE="ppp0")
    line.go_back()
    assert any("203.0.113.99" in rule for rule in line.rules())
    assert not any(PPPOE in rule for rule in line.rules())


def test_the_death_of_the_terminal_in_the_middle_changes_nothing(line):
    """SIGHUP and SIGKILL of its process group, wherever it is by then."""
    line.up()
    before = line.dump()
    line.config.write_text(NEW)
    for deadly in (signal.SIGHUP, signal.SIGKILL):
        command = subprocess.Popen(
            line.command("try"),
            env=line.environment(),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert b"goes back in 60 s" in command.stderr.readline()

        os.killpg(command.pid, deadly)
        command.communicate()
        assert command.returncode in {-deadly, 0}  # 0: it was done already
        assert line.armed() == 60
        line.go_back()
        after = line.dump()
        for what, was in before.items():
            assert after[what] == was, what


def test_confirm_keeps_it(line):
    """And another file becomes the configuration."""
    line.up()
    other = line.folder / "new.toml"
    other.write_text(NEW)
    done = line.hook("--config", str(other), "try")
    assert done.returncode == 0, done.stderr
    assert line.config.read_text() == CONFIG
    line.event("ppp-up", PPP_IFACE="ppp0")
    assert line.hook("--config", str(other), "--dry-run", "--exit-code").returncode == 0
    done = line.hook("confirm")
    assert (done.returncode, done.stderr) == (0, "")
    assert line.armed() is None
    assert line.config.read_text() == NEW
    assert line.settled()
    assert line.hook("confirm").returncode == 4


def test_without_systemd_nothing_is_changed(line):
    """The command itself, on a machine where it does not run."""
    before = line.dump()
    done = line.python(
        "import sys; from pathlib import Path; from dualwan.host import way_back\n"
        "way_back.RUNNING = Path('/proc/none')\n"
        "from dualwan.cli import main; sys.exit(main(sys.argv[1:]))",
        "try",
    )
    assert done.returncode == 4
    assert "systemd does not run here" in done.stderr
    assert done.stderr.count("\n") == 1
    after = line.dump()
    for what, was in before.items():
        assert after[what] == was, what

import fcntl
import subprocess
import tempfile
from pathlib import Path

import pytest
from line import BY_NAME, CONFIG, PPPOE, named
from space import until

CE = "2001:db8:0:100:99:f000:0:100"


def test_the_second_run_plans_nothing(line):
    """`--dry-run --exit-code` says 0 after a run, and the run after it does nothing."""
    assert line.settled()
    again = line.hook(*named(BY_NAME))
    assert (again.returncode, again.stdout) == (0, "nothing to do\n")


def test_a_dry_run_changes_nothing(bare):
    """Neither the kernel nor the run directory is touched."""
    line = bare()
    done = line.hook("--dry-run", "--exit-code")
    assert done.returncode == 1
    assert "+ nft table inet dualwan_firewall" in done.stdout
    assert line.leftovers() == []
    assert not line.run_directory.exists()


def test_runs_at_the_same_time_wait_for_each_other(bare):
    """Eight hooks at once, as ifup starts them: each ends well, and the state is the planned."""
    line = bare()
    environ = line.environment(PPP_IFACE="ppp0")
    commands = [line.command("event", "ppp-up"), line.command(*named(BY_NAME))] * 4
    started = [
        subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for command in commands
    ]
    said = [process.communicate()[1] for process in started]
    assert ([process.returncode for process in started], said) == ([0] * 8, [b""] * 8)
    assert line.settled()
    assert len(line.rules()) == 4


HASTY = """\
import sys
import dualwan.reconcile
from dualwan.cli import main
dualwan.reconcile.LOCK_SECONDS = 0.2
sys.exit(main(sys.argv[1:]))
"""


def test_locked_out_is_5(bare):
    """Whoever waits too long for another run says so and changes nothing."""
    line = bare()
    line.run_directory.mkdir()
    (line.run_directory / "lock").touch(mode=0o600)
    with (line.run_directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = line.python(HASTY)
    assert done.returncode == 5
    assert "another run of dualwan-hook" in done.stderr
    assert line.leftovers() == []
    assert line.python(HASTY, *named(BY_NAME)).returncode == 0


def device_of_another(line):
    """What ip tells of mape0, whether or not the kernel is done with DAD."""
    told = line.router.run("ip", "-d", "address", "show", "dev", "mape0")
    return told.replace(" tentative", "")


def test_a_device_that_took_the_tunnels_name(bare):
    """It is left alone and named; code 4; every other slice is applied."""
    line = bare()
    before = device_of_another(line)
    done = line.hook()
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "mape0 (mape.tunnel) is there already, and is no IPv6 tunnel" in done.stderr
    assert device_of_another(line) == before
    assert line.settled()
    assert line.hook("--dry-run", "--exit-code").returncode == 1
    assert line.hook("down").returncode == 0
    assert line.leftovers() == []
    assert device_of_another(line) == before


AS_USER = """\
import difflib, encodings.ascii, os, nftables, sys, syslog, tomli
import dualwan.host.kernel, dualwan.log, dualwan.report.plan, dualwan.report.status
import dualwan.handle, dualwan.findings, dualwan.host.surroundings, dualwan.inspection
import dualwan.commands.apply, dualwan.handle.trial
import dualwan.findings.ssh_session, dualwan.host.around.ssh_session
for one in dualwan.findings.ALL:
    dualwan.findings.finder(*one)
for module, name, _ in dualwan.handle.STAGES:
    dualwan.handle.stage(module, name)
from dualwan.cli import main
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


def test_without_root_it_shows_what_it_can_see(line):
    """Rules and routes are seen by anybody; nft's tables are not, and the plan says so."""
    temporary = Path(tempfile.gettempdir())
    for folder in (line.folder, *line.folder.parents):
        if folder.is_relative_to(temporary) and folder != temporary:
            folder.chmod(0o755)  # pytest keeps its folders to itself
    done = line.python(AS_USER, "--dry-run", *named(BY_NAME))
    assert done.returncode == 0, done.stderr
    assert f"  = rule 100: from {PPPOE} lookup 100" in done.stdout.splitlines()
    assert "  = route default dev ppp0 table 100" in done.stdout.splitlines()
    for name in BY_NAME:
        assert f"not seen: {name}: nft shows its tables to root only" in done.stdout
    before = line.leftovers()
    done = line.python(AS_USER, *named(BY_NAME))
    assert done.returncode == 4
    assert line.leftovers() == before


# The process ends itself right after its NUMBER-th step, as ifdown would end it.
ENDING = """\
import os, signal, sys
from dualwan.cli import main
from dualwan.host.kernel import KernelHost
number, apply = int(sys.argv[1]), KernelHost.apply
def counted(self, step):
    global number
    apply(self, step)
    number -= 1
    if number == 0:
        os.kill(os.getpid(), signal.SIGTERM)
KernelHost.apply = counted
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("at", range(1, 7))
def test_a_run_that_is_ended_is_finished_by_the_next(bare, at):
    """SIGTERM after any step: the next run does the rest, and down restores the originals."""
    line = bare()
    line.router.sysctl("net/ipv4/conf/ppp0/rp_filter", "1")
    assert line.python(ENDING, str(at), *named(BY_NAME)).returncode == -15
    assert not line.settled()
    line.apply()
    assert line.settled()
    assert line.hook("down").returncode == 0
    assert line.leftovers() == []
    assert line.router.sysctl("net/ipv4/conf/ppp0/rp_filter") == "1"


@pytest.mark.parametrize("at", range(1, 8))
def test_a_removal_that_is_ended_is_finished_by_the_next(bare, at):
    """SIGTERM after any step of `down`: another one leaves nothing."""
    line = bare()
    line.router.sysctl("net/ipv4/conf/ppp0/rp_filter", "1")
    line.apply()
    assert line.python(ENDING, str(at), "down").returncode == -15
    assert line.hook("down").returncode == 0
    assert line.leftovers() == []
    assert line.router.sysctl("net/ipv4/conf/ppp0/rp_filter") == "1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[wan]", "[wan"),
        ("psid = 1", "psid = 64"),
        ("dial", "dail"),
        ('"lan0"', '"ppp0"'),
        ("2001:db8:ffff::9", "2001:db8:ffff:9"),
    ],
)
def test_no_wrong_configuration_changes_anything(line, old, new):
    """A command ends with 3, a hook with 0; the kernel holds what it held."""
    before = (line.rules(), line.routes(), line.router.run("nft", "-a", "list", "ruleset"))
    line.config.write_text(CONFIG.replace(old, new))
    done = line.hook()
    assert done.returncode == 3
    assert done.stderr.startswith(f"dualwan-hook: {line.config}:")
    assert done.stderr.count("\n") == 1
    assert line.hook("--dry-run", "--slice", "firewall").returncode == 3
    assert str(line.config) in line.complaint("ppp-up", PPP_IFACE="ppp0")
    assert (line.rules(), line.routes(), line.router.run("nft", "-a", "list", "ruleset")) == before


@pytest.mark.parametrize("text", ["", "[wan\n", None])
def test_down_needs_no_configuration(line, text):
    """It says what is wrong with the configuration, and takes all of ours away by its tags."""
    line.config.unlink() if text is None else line.config.write_text(text)
    done = line.hook("down")
    assert done.returncode == 0
    assert done.stderr.startswith(f"dualwan-hook: {line.config}:")
    assert done.stderr.endswith("going by what is noted and tagged\n")
    assert line.leftovers() == []


ADDRESS = """\
import sys
from dualwan.host.netlink_changes import NetlinkChanges
from dualwan.model.resources import Address
netlink = NetlinkChanges()
for word in sys.argv[1:]:
    getattr(netlink, word)(Address("wan0", "2001:db8:0:100:99:f000:0:100", deprecated=True))
"""


def test_the_ce_address_is_usable_at_once_and_never_preferred(bare):
    """Without duplicate address detection, deprecated for ever; taken away without a trace."""
    line = bare()
    line.router.sysctl("net/ipv6/conf/wan0/accept_dad", "1")

    def shown():
        return line.router.run("ip", "-6", "address", "show", "dev", "wan0", "to", CE)

    done = line.python(ADDRESS, "set_address", "set_address")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tentative" not in shown()
    assert "deprecated" in shown()
    assert "valid_lft forever preferred_lft 0sec" in shown()
    line.router.ip(f"address change {CE}/128 dev wan0 preferred_lft forever valid_lft forever")
    assert "deprecated" not in shown()
    line.python(ADDRESS, "set_address")
    assert "deprecated" in shown()
    done = line.python(ADDRESS, "remove_address", "remove_address")
    assert (done.returncode, done.stderr) == (0, "")
    assert shown() == ""


WAITING = """\
import sys
from dualwan.host.netlink import Netlink
from dualwan.host.prefix import await_prefix, prefixes
print("waiting", flush=True)
print(await_prefix("wan0", float(sys.argv[1])), *prefixes(Netlink().ipr, "wan0"))
"""


def test_a_prefix_wakes_whoever_waits_for_it(bare):
    """The wait ends when the line announces a prefix, and says which."""
    line = bare()
    with line.start(WAITING, "60") as process:
        assert process.stdout.readline() == "waiting\n"
        line.router.ip("""
            address add fd00::5/64 dev wan0 nodad
            address add 2001:db8:0:100::5/128 dev wan0 nodad
        """)
        assert process.poll() is None
        line.router.ip("address add 2001:db8:77:100::5/64 dev wan0 nodad")
        assert until(lambda: process.poll() is not None)
        assert process.stdout.read() == "True 2001:db8:77:100::/64\n"


def test_nobody_waits_for_ever(bare):
    """A line that stays silent is given up after the configured time."""
    line = bare()
    done = line.python(WAITING, "0.2")
    assert done.stdout == "waiting\nFalse\n"

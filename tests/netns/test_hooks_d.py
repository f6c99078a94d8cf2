"""hooks.d with real events: what the owner's scripts are told, and that nothing waits for them."""

import json
import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from line import NO_TUNNEL, OTHER_PPPOE, PPPOE, SHARED
from space import until
from watching import Watching

HANGS = 60  # seconds of a script that is ended before
QUICK = 20.0  # seconds that no event takes on a machine that is busy, and a script would
MARK = "dualwan-test-left"  # in the command line of what a script leaves behind


class Owner:
    """The owner of a line, with a folder of scripts and what they have written."""

    def __init__(self, line):
        self.line = line
        self.folder = line.folder / "hooks.d"
        self.folder.mkdir(mode=0o755)
        self.folder.chmod(0o755)
        self._said = line.folder / "said"

    def script(self, name, text, mode=0o755):
        """Write the script NAME; return its path."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path

    def notes(self, name="50-notes"):
        """Write a script that notes its environment, a line a run."""
        return self.script(
            name,
            f'echo "{name} $DUALWAN_EVENT way=$DUALWAN_WAY on=$DUALWAN_INTERFACE'
            " old=$DUALWAN_OLD_ADDRESS new=$DUALWAN_NEW_ADDRESS slices=$DUALWAN_SLICES"
            f' reason=$DUALWAN_REASON" >> {self._said}',
        )

    def said(self):
        """Return the lines that scripts have noted, once all have run."""
        assert until(self.is_idle, 60), "the scripts do not end"
        return self._said.read_text().splitlines() if self._said.exists() else []

    def is_idle(self):
        """Whether nothing waits, and no runner is at work."""
        hooks = self.line.run_directory / "hooks"
        return not (hooks / "pending.json").exists() and not self.runners()

    def runners(self):
        """Return the process ids of all runners."""
        return [pid for pid, words in self.processes() if words[-2:] == ["dualwan-hook", "hooks"]]

    def sleeping(self):
        """Return the process ids of what scripts that hang wait for."""
        return [pid for pid, words in self.processes() if words == ["sleep", str(HANGS)]]

    def processes(self):
        """Yield process id and command line of each process here; other tests have theirs."""
        ours = Path(self.line.router.path).stat().st_ino
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    if (path / "ns/net").stat().st_ino != ours:
                        continue
                    words = (path / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                yield int(path.name), words.rstrip("\0").split("\0")

    def failed(self):
        """Return the scripts whose last run has failed, each with the reason."""
        text = (self.line.run_directory / "hooks" / "failed.json").read_text()
        return {name: reason for _, name, reason, _ in json.loads(text)}


@pytest.fixture(name="owner")
def _owner(line):
    """Return the owner of a router that ifup has brought up; the scripts know it."""
    owner = Owner(line)
    owner.notes()
    line.router.run("nft", "delete", "table", "ip", "dualwan_pbr")
    assert line.complaint("ifup", IFACE="wan0") == NO_TUNNEL
    assert [one.split()[1] for one in owner.said()] == ["up", "up"]
    (line.folder / "said").unlink()
    return owner


def reconnect(line, address=""):
    """Let PPPoE have ``address``, or none, with the event that pppd sends."""
    line.router.ip("link set ppp0 down\naddress flush dev ppp0")
    if address:
        line.router.ip(f"link set ppp0 up\naddress add {address}/32 dev ppp0")
    event = "ppp-up" if address else "ppp-down"
    assert line.complaint(event, PPP_IFACE="ppp0") in ("", NO_TUNNEL)


def test_a_reconnect_tells_old_and_new_address(owner):
    """Lost and back by pppd's two events, or an address in place of another."""
    line = owner.line
    reconnect(line, OTHER_PPPOE)
    assert owner.said() == [
        f"50-notes address way=pppoe on=ppp0 old={PPPOE} new={OTHER_PPPOE} slices=pbr reason=ppp-up"
    ]
    reconnect(line)
    assert owner.said()[1:] == [
        f"50-notes lost way=pppoe on=ppp0 old={OTHER_PPPOE} new= slices=pbr reason=ppp-down"
    ]
    reconnect(line, PPPOE)
    assert owner.said()[2:] == [
        f"50-notes back way=pppoe on=ppp0 old={OTHER_PPPOE} new={PPPOE} slices=pbr reason=ppp-up"
    ]


def test_ifup_and_the_end_of_all(bare):
    """The ways come up with ifup; the command takes down ours, and here the devices stay."""
    line = bare()
    owner = Owner(line)
    owner.notes()
    assert line.complaint("ifup", IFACE="wan0") == NO_TUNNEL
    told = [one.split(" slices=")[0] for one in owner.said()]
    assert sorted(told) == [
        f"50-notes up way=mape on=mape0 old= new={SHARED}",
        f"50-notes up way=pppoe on=ppp0 old= new={PPPOE}",
    ]
    line.hook("down")
    assert owner.said()[2:] == [
        "50-notes change way= on= old= new= slices=pbr tunnel snat firewall reason=remove"
    ]


def test_nothing_is_run_where_nothing_was_changed(owner):
    """A second run, a dry run, an event of another interface; and no runner was started."""
    line = owner.line
    line.apply()
    line.hook("--dry-run")
    line.complaint("ppp-up", PPP_IFACE="ppp0")
    line.complaint("ppp-up", PPP_IFACE="ppp7")
    assert owner.said() == []
    line.router.run("nft", "delete", "table", "ip", "dualwan_snat")
    line.hook("--dry-run")
    assert owner.said() == []
    line.apply("snat")
    assert owner.said() == ["50-notes change way= on= old= new= slices=snat reason=apply"]


def test_a_script_that_hangs_holds_up_nothing(owner):
    """A hook of pppd returns, its output is closed, no zombie stays, and the lock is free."""
    line = owner.line
    started = line.folder / "started"
    owner.script("10-hangs", f"echo $$ > {started}.new; mv {started}.new {started}; sleep {HANGS}")
    began = time.monotonic()
    reconnect(line, OTHER_PPPOE)
    assert until(started.exists, 30)
    reconnect(line, PPPOE)
    reconnect(line, "203.0.113.100")
    line.apply()
    assert time.monotonic() - began < QUICK
    assert line.settled()
    (runner,) = owner.runners()
    children = Path("/proc/thread-self/children").read_text().split()
    assert str(runner) not in children
    assert not any(_state(pid) == "Z" for pid in children)
    script = int(started.read_text())
    assert os.getsid(script) == script
    os.kill(script, signal.SIGTERM)  # which is what the limit does
    assert until(lambda: not Path(f"/proc/{script}").exists())
    os.unlink(owner.folder / "10-hangs")  # noqa: PTH108 - it is there
    assert owner.said()[-1].split(" slices=")[0] == (
        f"50-notes address way=pppoe on=ppp0 old={OTHER_PPPOE} new=203.0.113.100"
    )
    assert until(lambda: not Path(f"/proc/{runner}").exists())


def _state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def test_whatever_one_script_does_the_others_run(owner):
    """One fails, prints 10 MB, leaves daemons, removes another; some are not to be run at all."""
    line = owner.line
    owner.script("10-fails", "exit 3")
    owner.script("11-prints", "head -c 10485760 /dev/zero")
    owner.script("12-daemon", f"setsid sh -c 'sleep {HANGS}; : {MARK}' & sh -c 'sleep 50' {MARK} &")
    owner.script("13-removes", f"rm {owner.folder}/20-removed")
    owner.script("14-no-program", "").write_text("#!/no/such/program\n")
    owner.notes("20-removed")
    owner.notes("21-writable").chmod(0o757)
    owner.notes("22-theirs")
    os.chown(owner.folder / "22-theirs", 65534, 65534)
    (owner.folder / "23-link").symlink_to(owner.folder / "50-notes")
    owner.notes("24-notes.sh")
    owner.notes("25-off").chmod(0o644)
    owner.notes("60-last")
    reconnect(line, OTHER_PPPOE)
    assert [one.split()[0] for one in owner.said()] == ["50-notes", "60-last"]
    assert owner.failed() == {
        "10-fails": "exit code 3",
        "14-no-program": "cannot be run: No such file or directory",
    }
    assert [pid for pid, words in owner.processes() if MARK in " ".join(words)] == []
    said = json.loads(line.hook("check", "--json").stdout)["findings"]
    assert [(Path(one["seen"].split()[0]).name, one["code"]) for one in said] == [
        ("21-writable", "hooksd-untrusted"),
        ("22-theirs", "hooksd-untrusted"),
        ("23-link", "hooksd-kind"),
        ("24-notes.sh", "hooksd-name"),
        ("25-off", "hooksd-mode"),
    ]
    status = line.hook("status").stdout
    assert "10-fails failed at its last run, address of pppoe" in status


def test_a_folder_that_others_can_write_has_no_scripts(owner):
    """Nor do events fail: the log and `check` say why none is run."""
    owner.folder.chmod(0o777)
    reconnect(owner.line, OTHER_PPPOE)
    assert owner.said() == []
    assert f"others than root may change {owner.folder}" in owner.line.hook("check").stdout


def test_a_runner_that_is_killed_takes_its_script_along(owner):
    """Nothing is left that has no limit, and the next event is told as ever."""
    line = owner.line
    started = line.folder / "started"
    path = owner.script("10-hangs", f"echo $$ > {started}.new; mv {started}.new {started}; sleep 9")
    reconnect(line, OTHER_PPPOE)
    assert until(started.exists, 30)
    (runner,) = owner.runners()
    os.kill(runner, signal.SIGKILL)
    script = int(started.read_text())
    assert until(lambda: _state(script) in ("", "Z"))
    path.unlink()
    reconnect(line, PPPOE)
    assert owner.said()[-1].split(" slices=")[0] == (
        f"50-notes address way=pppoe on=ppp0 old={OTHER_PPPOE} new={PPPOE}"
    )


def test_a_runner_that_is_ended_ends_its_script(owner):
    """SIGTERM, as systemd sends it: the script is gone with it."""
    line = owner.line
    started = line.folder / "started"
    owner.script("10-hangs", f"echo $$ > {started}.new; mv {started}.new {started}; sleep {HANGS}")
    reconnect(line, OTHER_PPPOE)
    assert until(started.exists, 30)
    (runner,) = owner.runners()
    os.kill(runner, signal.SIGTERM)
    assert until(lambda: not owner.runners())
    assert until(lambda: _state(int(started.read_text())) in ("", "Z"))


def test_the_watcher_tells_what_it_mends_and_does_not_wait(bare):
    """A table is gone behind our back; the script hangs, and the next mending is as quick."""
    line = bare()
    owner = Owner(line)
    line.complaint("ifup", IFACE="wan0")
    with closing(Watching(line)):
        owner.notes()
        owner.script("60-slow", "sleep 3")
        line.router.run("nft", "delete", "table", "ip", "dualwan_snat")
        assert until(lambda: "dualwan_snat" in line.tables(), 30)
        line.router.run("nft", "delete", "table", "ip", "dualwan_snat")
        assert until(lambda: "dualwan_snat" in line.tables(), 30)
        assert until(owner.said, 60)  # a run tells it after it has mended
        assert {one.split("reason=")[1] for one in owner.said()} <= {"mend", "prefix-changed"}


def test_an_event_with_scripts_takes_no_longer_than_it_takes_to_note_it(owner):
    """Ten reconnects while the runner is at work: each has only two files to write."""
    owner.script("10-slow", f"sleep {HANGS}")
    reconnect(owner.line, OTHER_PPPOE)
    assert until(owner.sleeping, 30), "the script does not run"  # so the runner has its lock
    began = time.monotonic()
    for number in range(10, 15):
        reconnect(owner.line, f"203.0.113.{number}")
    assert time.monotonic() - began < QUICK * 2
    assert len(owner.runners()) == 1
    for pid in owner.sleeping():
        os.kill(pid, signal.SIGKILL)
    (owner.folder / "10-slow").unlink()
    assert len(owner.said()) == 2


def test_the_command_runs_what_waits(owner):
    """`dualwan-hook hooks`, which the unit runs: in the foreground, and nothing is left to do."""
    done = owner.line.hook("hooks")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

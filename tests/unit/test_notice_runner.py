"""What waits for the scripts, and the runner that tells them in order, whatever one does."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripts import LIMITS, NEW, OLD, SAY, THIRD, is_there, router, tell, write

from dualwan.host import lock, run_files
from dualwan.host.notice import queue, runner, script


def seconds_until(done):
    """Wait until ``done`` returns something, for 20 s at most; return that."""
    until = time.monotonic() + 20
    while not (found := done()):
        assert time.monotonic() < until, "it has not happened"
        time.sleep(0.01)
    return found


def test_each_script_gets_each_notice_in_order(place, started, log):
    """The log has what each said, and one line of those that ran."""
    write(place, "20-b", f"echo second; {SAY}")
    write(place, "10-a", SAY)
    tell(place, router(OLD), "pbr")
    assert started == [1]
    runner.drain(LIMITS)
    assert log == [
        f"10-a: up pppoe  {OLD} (script=10-a)",
        "20-b: second (script=20-b)",
        f"20-b: up pppoe  {OLD} (script=20-b)",
        f"up of pppoe (no address -> {OLD}): ran 10-a, 20-b (cause=ppp-up)",
    ]
    assert queue.waiting() is None


def test_what_is_noted_meanwhile_is_told_next(place, started, log):
    """Events in quick succession: those that wait are one notice, with the last state."""
    assert started == []
    write(place, "a", SAY)
    tell(place, router(OLD))
    runner.drain(LIMITS)
    log.clear()
    tell(place, router(OLD, up=False, lost=True))
    tell(place, router(NEW))
    tell(place, router(THIRD))
    runner.drain(LIMITS)
    assert log[0] == f"a: address pppoe {OLD} {THIRD} (script=a)"
    assert len(log) == 2


def test_one_that_fails_or_hangs_does_not_stop_the_others(place, started, log):
    """Each failure is one line, and kept for status and doctor until it ends well."""
    assert started == []
    write(place, "1-fails", "exit 3")
    write(place, "2-hangs", "exec sleep 100")
    write(place, "3-runs", SAY)
    tell(place, router(OLD))
    runner.drain(LIMITS)
    told = f"up of pppoe (no address -> {OLD})"
    assert log == [
        f"{place}/1-fails failed at {told}: exit code 3 (script=1-fails)",
        f"{place}/2-hangs failed at {told}: has not ended within 0.4 s, and was ended "
        "(script=2-hangs)",
        f"3-runs: up pppoe  {OLD} (script=3-runs)",
        f"{told}: ran 1-fails, 2-hangs, 3-runs (cause=ppp-up)",
    ]
    assert [one.script for one in queue.failures()] == ["1-fails", "2-hangs"]
    write(place, "1-fails", "exit 0")
    (place / "2-hangs").unlink()
    tell(place, router(NEW))
    runner.drain(LIMITS)
    assert queue.failures() == ()


def test_one_that_is_not_run_is_named_and_the_others_run(place, started, log):
    """A link, and one that others can change; one that is switched off is no line."""
    assert started == []
    write(place, "1-open", SAY).chmod(0o757)
    (place / "2-link").symlink_to("/usr/bin/true")
    write(place, "3-off", SAY, mode=0o644)
    write(place, "4-runs", SAY)
    tell(place, router(OLD))
    runner.drain(LIMITS)
    assert [line.split(":")[0].split("/")[-1] for line in log[:2]] == [
        "1-open is not run",
        "2-link is not run",
    ]
    assert log[-1].startswith(f"up of pppoe (no address -> {OLD}): ran 4-runs")


def test_a_name_of_another_code_stops_no_script(place, started, monkeypatch):
    """A file that a machine with EUC-JP has left there, on a file system where all may be run."""
    assert started == []
    write(place, os.fsdecode("10-メモ".encode("euc-jp")), SAY)
    write(place, "20-runs", SAY)
    lines = []
    monkeypatch.setattr("syslog.syslog", lambda _, line: lines.append(line.encode()))
    tell(place, router(OLD))
    runner.drain(LIMITS)
    assert b"is not run: its name has another letter" in lines[0]
    assert b"ran 20-runs" in lines[-1]


def test_one_that_is_gone_meanwhile_is_passed_over(place, started, log):
    """A script removes the next one: that is no failure."""
    assert started == []
    write(place, "1-a", f"rm {place}/2-b")
    write(place, "2-b", SAY)
    write(place, "3-c", SAY)
    tell(place, router(OLD))
    runner.drain(LIMITS)
    assert log[-1] == f"up of pppoe (no address -> {OLD}): ran 1-a, 3-c (cause=ppp-up)"
    assert queue.failures() == ()


def test_a_script_that_takes_the_runner_with_it_is_not_run_again(place, started, monkeypatch):
    """What is told does not wait any more: no loop of a unit that is started by a file."""
    assert started == []
    write(place, "a", SAY)
    tell(place, router(OLD))
    monkeypatch.setattr(runner, "tell", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        runner.drain(LIMITS)
    assert queue.waiting() is None
    monkeypatch.undo()


def test_the_last_look_at_what_waits_is_before_the_end_of_the_runner(place, started):
    """Whoever notes something after it finds no runner, and starts one."""
    assert started == []
    write(place, "a", SAY)
    held = []
    take = queue.take

    def asked():
        held.append(lock.is_held(queue.directory() / lock.RUNNER))
        held.append(lock.is_held(queue.directory() / lock.RUN))
        return take()

    queue.take = asked
    try:
        runner.drain(LIMITS)
    finally:
        queue.take = take
    assert held == [True, True]
    assert not lock.is_held(queue.directory() / lock.RUNNER)


def test_it_works_where_its_priority_is_not_its_own_to_change(monkeypatch):
    """As in its unit, which has another one already."""
    served = []

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(script, "adopt", lambda: None)
    monkeypatch.setattr(runner, "drain", lambda: served.append(1))
    runner.serve()
    assert served == [1]


def test_the_command_is_the_runner(run, monkeypatch):
    """`dualwan-hook hooks` gives its process to it, and says nothing of its own."""
    served = []
    monkeypatch.setattr(runner, "serve", lambda: served.append(1))
    assert run("hooks") == (0, "", "")
    assert served == [1]


CALLER = """
import os, signal, sys
from dualwan.host import notice
from dualwan.notice.router import Router, WayState
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
signal.alarm(1)
held = os.open("/dev/null", os.O_RDONLY)
os.set_inheritable(held, True)
now = Router({"pppoe": WayState(True, False, "ppp0", sys.argv[2])}, "mape", "mape")
notice.tell(sys.argv[1], lambda known: now, (), "ppp-up")
print("told", os.getpid())
"""


def test_the_caller_waits_for_nothing_and_the_runner_has_nothing_of_it(place, tmp_path):
    """A hook of pppd returns while a script hangs; its output, signals and deadline are its own."""
    report = tmp_path / "report"
    write(
        place,
        "a",
        f"""
        runner=$PPID
        {{
            echo $runner
            cut -d' ' -f4,5,6 /proc/$runner/stat
            readlink /proc/$runner/fd/* | tr '\\n' ' '; echo
            tr '\\0' '\\n' < /proc/$runner/environ | sort | tr '\\n' ' '; echo
            grep -E '^Sig(Blk|Ign)' /proc/$runner/status | cut -f2 | tr '\\n' ' '; echo
            readlink /proc/$runner/cwd
        }} > {report}.new
        mv {report}.new {report}
        sleep 3
        touch {report}.end
        """,
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", CALLER, place, OLD],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "SECRET": "x"},
    )
    said, caller = done.stdout.split()
    assert said == "told"
    lines = seconds_until(lambda: report.exists() and report.read_text().splitlines())
    assert not Path(f"{report}.end").exists(), "the caller has waited for the script"
    runner_pid, (parent, group, session) = lines[0], lines[1].split()
    assert caller not in {parent, group, session}
    assert str(os.getpid()) != parent
    assert group == session
    assert sorted(re.sub(r"[0-9]+", "", one).split("/")[-1] for one in lines[2].split()) == [
        "anon_inode:[pidfd]",  # of the script
        *["null"] * 3,
        "pipe:[]",  # what the script says
        "runner",  # the lock
    ]
    assert lines[3].split() == [
        f"DUALWAN_RUN={os.environ['DUALWAN_RUN']}",
        "LC_ALL=C.UTF-8",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    blocked, ignored = (int(word, 16) for word in lines[4].split())
    assert blocked == 0
    # SIGPIPE and SIGXFSZ are Python's own; 32 and 33, those of the C library, are not counted.
    assert ignored & 0x7FFFFFFF & ~(1 << 12 | 1 << 24) == 0
    assert lines[5] == "/"
    seconds_until(Path(f"{report}.end").exists)  # its deadline was the caller's alone
    seconds_until(lambda: not is_there(runner_pid))
    assert time.monotonic() - began < 20
    assert json.loads((run_files.directory() / queue.FAILED).read_text()) == []

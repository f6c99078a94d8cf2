"""Runs exclude each other: only one is between its first look and its last note at a time."""

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from line import BY_NAME, CONFIG, named
from space import until

# Holds still right before its first step, until somebody writes a line.
HELD = """\
import sys
from dualwan.cli import main
from dualwan.host.kernel import KernelHost
apply = KernelHost.apply
def held(self, step):
    KernelHost.apply = apply
    print("inside", flush=True)
    sys.stdin.readline()
    apply(self, step)
KernelHost.apply = held
sys.exit(main(sys.argv[1:]))
"""
HASTY = """\
import sys
import dualwan.handle.run, dualwan.reconcile
from dualwan.cli import main
dualwan.reconcile.LOCK_SECONDS = dualwan.handle.run.LOCK_SECONDS = 0.2
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def holding(line):
    """Hold a run on LINE that has the lock in the middle of its work."""
    process = subprocess.Popen(
        line.router.argv(sys.executable, "-B", "-c", HELD, *named(BY_NAME)),
        env=line.environment(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == "inside\n", process.stderr.read()
    yield process
    if process.returncode is None:
        process.kill()
        process.communicate()


@pytest.fixture(name="held")
def _held(bare):
    """Return a line, and the first run on it, which is held."""
    line = bare()
    with holding(line) as process:
        yield line, process


@pytest.fixture(name="held_up")
def _held_up(bare):
    """Return a line that was up and lost its rules, and a run that is held."""
    line = bare()
    line.hook()  # but for the tunnel: a veth has its name
    line.router.run("nft", "flush", "ruleset")
    with holding(line) as process:
        yield line, process


def let_go(process):
    """Let the run that is held do the rest; return its code and its errors."""
    said = process.communicate("\n")[1]
    return process.returncode, said


def test_who_comes_meanwhile_and_cannot_wait_changes_nothing(held):
    """Code 5 and one line; the first goes on undisturbed, and the second finds all done after."""
    line, first = held
    done = line.python(HASTY, *named(BY_NAME))
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == "dualwan-hook: another run of dualwan-hook has been at work for 0 s\n"
    assert line.leftovers() == []
    assert let_go(first) == (0, "")
    again = line.python(HASTY, *named(BY_NAME))
    assert (again.returncode, again.stdout, again.stderr) == (0, "nothing to do\n", "")


def test_a_probe_waits_for_the_notes_as_well(held_up):
    """What it counts goes into the notes that the first is about to write."""
    line, first = held_up
    line.config.write_text(
        CONFIG.replace("[lan]", 'failover = true\nprobe = ["198.51.100.1"]\n[lan]')
    )
    assert line.python(HASTY, "probe").returncode == 5
    assert let_go(first)[0] == 0
    assert line.python(HASTY, "probe").returncode == 0


def test_to_look_needs_no_lock(held):
    """`status` and a dry run show what is there, whoever is at work."""
    line, first = held
    for argv in (("status",), ("--dry-run", *named(BY_NAME))):
        done = line.python(HASTY, *argv)
        assert (done.returncode, done.stderr) == (0, "")
    assert let_go(first) == (0, "")


def waits(process):
    """Return whether the kernel holds ``process`` back at a lock (proc_locks(5))."""
    return re.search(
        rf"^\d+: -> FLOCK .* {process.pid} ", Path("/proc/locks").read_text(), re.MULTILINE
    )


def test_who_can_wait_goes_on_when_the_first_has_ended(held):
    """It is stopped before its first look: what it plans is by the state that the first left."""
    line, first = held
    second = subprocess.Popen(
        line.command(*named(BY_NAME)),
        env=line.environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert until(lambda: waits(second))
    assert second.poll() is None
    assert line.leftovers() == []
    assert let_go(first) == (0, "")
    assert second.communicate() == ("nothing to do\n", "")
    assert second.returncode == 0


def test_who_dies_lets_go(held):
    """Nothing is left to be removed by hand: the lock is the kernel's."""
    line, first = held
    assert line.python(HASTY, *named(BY_NAME)).returncode == 5
    first.kill()
    assert first.wait() == -9
    assert line.python(HASTY, *named(BY_NAME)).returncode == 0
    assert line.settled()


def test_runs_to_different_states_end_in_one_of_them(bare, tmp_path):
    """Eight at once, by two configurations: each ends well, and what stands is of one alone."""
    line = bare()
    other = tmp_path / "other.toml"
    other.write_text(
        CONFIG.replace("psid = 1", "psid = 2").replace(
            "dial = false", "dial = false\ntable = 110\npriority = 200"
        )
    )
    commands = [
        line.command("--config", path, *named(BY_NAME)) for path in (str(line.config), str(other))
    ] * 4
    started = [
        subprocess.Popen(
            command, env=line.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for command in commands
    ]
    said = [process.communicate()[1] for process in started]
    assert ([process.returncode for process in started], said) == ([0] * 8, [b""] * 8)
    settled = [
        line.hook("--config", str(path), "--dry-run", "--exit-code", *named(BY_NAME)).returncode
        for path in (line.config, other)
    ]
    assert sorted(settled) == [0, 1]
    assert len(line.rules()) == 4
    assert len(line.routes()) == 1

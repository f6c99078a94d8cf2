"""A hook's work in a child process, which may die of a library or of the kernel."""

import faulthandler
import os
import signal
import subprocess
import sys
import time

import pytest

from dualwan.apart import apart
from dualwan.supervisor import in_child


def abort():
    """Die as libnftables does; pytest's own handler would print where."""
    faulthandler.disable()
    os.abort()


DEATHS = {
    "an abort, as of libnftables": (abort, "ended by SIGABRT"),
    "no memory left": (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended by SIGKILL"),
    "a real-time signal": (lambda: os.kill(os.getpid(), 40), "ended by signal 40"),
    "an exit of libnftables": (lambda: os._exit(3), "ended by a library with exit code 3"),
}


@pytest.fixture(autouse=True)
def _signals():
    """Give the process its handlers of signals back."""
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def test_the_result_comes_from_the_child(log):
    """What is done there, memory apart, is done; a result is no death."""
    parent = os.getpid()
    assert in_child("up", lambda: os.getpid() != parent)
    assert not in_child("up", lambda: os.getpid() == parent)
    assert log == []


@pytest.mark.parametrize("death", DEATHS)
def test_a_death_is_one_line_and_a_failure(death, log, capfd):
    """The log and the terminal name the event and how the process ended."""
    die, words = DEATHS[death]
    assert not in_child("pre-up", die)
    assert log == [f"pre-up: {words}; what it has not done is left to the next event"]
    assert capfd.readouterr().err == f"dualwan-hook: {log[0]}\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("well", [True, False])
def test_a_closed_output_does_not_run_the_callers_code_twice(closed, well, tmp_path):
    """As a hook is called by a daemon that has closed its own: Python has None for it."""
    caller = (
        "import sys; from pathlib import Path; from dualwan.supervisor import in_child\n"
        f"try:\n    done = in_child('up', lambda: {well})\n"
        "except Exception:\n    done = 'failed'\n"
        "with Path(sys.argv[1]).open('a') as file:\n    file.write(f'{done} ')\n"
    )
    path = tmp_path / "done"
    command = ["sh", "-c", f'exec "$0" -c "$1" "$2" {closed}', sys.executable, caller, str(path)]
    subprocess.run(command, check=True)
    assert path.read_text() == f"{well} "


def test_an_exception_of_the_child_does_not_run_the_callers_code_twice(capfd):
    """It ends there, with a line on the terminal."""

    def wrong():
        raise LookupError("odd\nthing")

    assert not in_child("up", wrong)
    said = capfd.readouterr().err
    assert said == "dualwan-hook: unexpected LookupError: odd thing; please report it\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_hook_reaches_the_child(number):
    """Whoever ends a hook ends its work; the hook itself still says what happened."""
    code = (
        "import signal, sys, time\n"
        "from dualwan.supervisor import in_child\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # nohup, which may run the tests, does not
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # nor does a shell's &
        "def work():\n"
        "    signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "    print('at work', flush=True)\n"
        "    time.sleep(60)\n"
        "sys.exit(in_child('up', work))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-B", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        began = time.monotonic()
        assert process.stdout.readline() == "at work\n"
        process.send_signal(number)
        assert f"up: ended by {number.name}" in process.communicate()[1]
        assert time.monotonic() - began < 30
    assert process.returncode == 0


def test_the_result_comes_also_where_the_end_of_children_is_ignored(capfd):
    """As some callers have it, and programs inherit it: the kernel keeps no result then."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert in_child("up", lambda: True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        assert not in_child("up", lambda: False)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert capfd.readouterr().err == ""


def test_the_line_in_the_log_has_the_programs_name(log, monkeypatch):
    """Whatever the process is called: under a hook it is python3."""
    opened = []
    monkeypatch.setattr("syslog.openlog", lambda name, *_: opened.append(name))
    assert not in_child("up", lambda: os._exit(3))
    assert (opened, len(log)) == (["dualwan-hook"], 1)


@pytest.mark.parametrize("death", DEATHS)
def test_a_look_of_the_watcher_that_dies_is_logged_too(death, log):
    """It waits for news, or tries again; the journal says why nothing was mended."""
    die, words = DEATHS[death]
    assert apart(die) is None
    assert log == [f"a look was {words} (cause=the watcher)"]

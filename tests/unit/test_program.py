"""Running another program: what it says, and when it is given up."""

import os
import signal
import sys
import time

import pytest

from dualwan.errors import HostError
from dualwan.host import program


def test_what_a_program_says_comes_back():
    """Its exit code, and its words without the end of the line."""
    said = [sys.executable, "-c", "import sys; print('out'); sys.exit('why not')"]
    assert program.run(said) == (1, "why not")
    assert program.output(said) == (1, "out\n", "why not")


def test_words_are_arguments_and_nothing_else():
    """No shell reads them; the environment is ours."""
    said = [
        sys.executable,
        "-c",
        "import os, sys; print(sys.argv[1:], sorted(os.environ))",
        "$(id)",
        "; id",
    ]
    code, printed, _ = program.output(said)
    assert code == 0
    assert printed.startswith("['$(id)', '; id'] ['LC_")
    assert "HOME" not in printed


def test_what_it_leaves_behind_is_not_waited_for(tmp_path):
    """As pon leaves pppd, which has the same standard output."""
    os.mkfifo(tmp_path / "fifo")
    code = "import os, sys; os.fork() or (os.close(2), open(sys.argv[1]).read())"
    assert program.run([sys.executable, "-c", code, str(tmp_path / "fifo")]) == (0, "")
    (tmp_path / "fifo").write_text("now it may end")


def test_a_program_that_is_not_there_is_named():
    """Not a traceback, but the name of what to install."""
    with pytest.raises(HostError, match="no-such-program is not installed"):
        program.run(["no-such-program"])


def test_a_program_that_hangs_is_given_up(monkeypatch):
    """Each has a limit; the hook's own deadline is not spent on one of them."""
    monkeypatch.setattr(program, "LIMIT_SECONDS", 0.05)
    with pytest.raises(HostError, match="sleep did not end within"):
        program.run(["sleep", "60"])


def test_a_program_that_cannot_be_run_is_named(tmp_path):
    """Without the x bit, or while the machine has no room for another process."""
    (tmp_path / "pon").write_text("")
    with pytest.raises(HostError, match=r"/pon cannot be run: Permission denied"):
        program.run([str(tmp_path / "pon")])


def test_words_that_are_not_utf_8_are_shown_as_well_as_can_be():
    """A peer's name may be in whatever letters; the reason for a failure is not lost for it."""
    said = [sys.executable, "-c", r"import os; os.write(1, b'\xe9'); os.write(2, b'no \xff')"]
    assert program.output(said) == (0, "\ufffd", "no \ufffd")


def test_what_is_started_is_waited_for_briefly(tmp_path):
    """Its code and its words, if it ends in time."""
    said = [sys.executable, "-c", "import sys; print('out'); sys.exit('why not')"]
    assert program.start(said, 10) == (1, "why not")
    with pytest.raises(HostError, match="no-such-program is not installed"):
        program.start(["no-such-program"], 1)
    (tmp_path / "pon").write_text("")
    with pytest.raises(HostError, match=r"/pon cannot be run: Permission denied"):
        program.start([str(tmp_path / "pon")], 1)


@pytest.mark.parametrize("alarm", [False, True])
def test_what_takes_longer_goes_on(tmp_path, alarm):
    """A dial is not killed by the end of the wait, nor by the deadline of the event."""
    os.mkfifo(tmp_path / "go")
    done = tmp_path / "done"
    code = "import os, sys; open(sys.argv[1]).read(); os.mkdir(sys.argv[2])"
    argv = [sys.executable, "-c", code, str(tmp_path / "go"), str(done)]

    def ring(*_):
        raise HostError("gave up")

    if alarm:
        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(HostError, match="gave up"):
            program.start(argv, 60)
        signal.signal(signal.SIGALRM, before)
    else:
        assert program.start(argv, 0.05) == (0, "")
    (tmp_path / "go").write_text("now")
    until = time.monotonic() + 10
    while not done.exists():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_what_is_started_has_a_session_of_its_own():
    """Ctrl-C at the command does not reach it."""
    code = "import os, sys; sys.exit(str(os.getsid(0) == os.getpid()))"
    assert program.start([sys.executable, "-c", code], 10) == (1, "True")

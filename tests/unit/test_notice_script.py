"""One run of one script: what it gets, how long it has, what is kept, and what is left of it."""

import os
import signal
import time

import pytest
from scripts import LIMITS, is_there, run, write


def test_it_gets_what_it_is_given_and_nothing_else(tmp_path):
    """Environment, folder, umask, an empty standard input, no open file but three."""
    path = write(tmp_path, "a", "pwd; umask; cat; ls -m /proc/$$/fd; env | sort")
    inherited = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(inherited, True)
    found = run(path, close_fds=False)
    os.close(inherited)
    assert found.failure == ""
    assert found.output[:2] == ["/", "0077"]
    # dash reads the script itself by a file above 9; a pipe to another command would be one more.
    assert [one for one in found.output[2].split(", ") if int(one) < 10] == ["0", "1", "2"]
    assert [
        line for line in found.output[3:] if not line.startswith(("PWD=", "OLDPWD=", "_="))
    ] == [
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "X=y",
    ]


def test_it_has_a_session_and_a_group_of_its_own(tmp_path):
    """A signal to the group of the runner, or of ifup, does not reach it."""
    path = write(tmp_path, "a", "cut -d' ' -f1,5,6 /proc/$$/stat")
    (line,) = run(path).output
    assert len(set(line.split())) == 1


def test_signals_do_what_they_usually_do(tmp_path):
    """None is blocked, and SIGPIPE, which Python ignores, is not ignored."""
    path = write(tmp_path, "a", "exec grep -E '^Sig(Blk|Ign)' /proc/self/status")
    blocked, ignored = (int(line.split()[1], 16) for line in run(path).output)
    assert blocked == 0
    assert not ignored & 1 << signal.SIGPIPE - 1


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("exit 0", ""),
        ("exit 3", "exit code 3"),
        ("kill -9 $$", "was ended by signal 9"),
    ],
)
def test_how_it_ended(tmp_path, text, failure):
    """In words for the log."""
    assert run(write(tmp_path, "a", text)).failure == failure


def test_what_cannot_be_run_is_a_failure(tmp_path):
    """No interpreter of that name, no interpreter at all, or gone meanwhile."""
    path = tmp_path / "a"
    assert run(path).failure == "cannot be run: No such file or directory"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    assert run(path).failure == "cannot be run: No such file or directory"
    path.write_text("echo hello\n")
    assert run(path).failure == "cannot be run: Exec format error"


def test_one_that_hangs_is_ended(tmp_path):
    """By SIGTERM, which it may handle."""
    path = write(tmp_path, "a", "trap 'echo ends; exit 0' TERM; sleep 100 & wait")
    found = run(path, *LIMITS)
    assert found.failure == "has not ended within 0.4 s, and was ended"
    assert found.output == ["ends"]


def test_one_that_does_not_want_to_end_is_killed(tmp_path):
    """After the grace, with all that it has started, in its group and out of it."""
    path = write(
        tmp_path,
        "a",
        "trap '' TERM; echo $$; setsid sh -c 'trap \"\" TERM; echo $$; sleep 100' & sleep 100",
    )
    began = time.monotonic()
    found = run(path, *LIMITS)
    assert time.monotonic() - began < 10
    assert found.failure.startswith("has not ended within")
    assert len(found.output) == 2
    assert not any(map(is_there, found.output))


def test_one_that_has_stopped_is_killed(tmp_path):
    """SIGTERM waits until a stopped process goes on; SIGKILL does not."""
    path = write(tmp_path, "a", "echo $$; kill -STOP $$; echo on")
    found = run(path, *LIMITS)
    assert found.failure.startswith("has not ended within")
    (pid,) = found.output
    assert not is_there(pid)


@pytest.mark.parametrize("start", ["", "setsid "])
def test_what_it_leaves_behind_is_ended(tmp_path, start):
    """A daemon that holds its output open, in its group or in a session of its own."""
    path = write(tmp_path, "a", f"{start}sh -c 'echo $$; sleep 100; :' &\nsleep 0.2")
    began = time.monotonic()
    found = run(path)
    assert time.monotonic() - began < 10
    assert found.failure == ""
    (pid,) = found.output
    assert not is_there(pid)


def test_a_daemon_of_a_daemon_is_ended(tmp_path):
    """It has forked twice, and neither its parent nor its session says whose it is."""
    path = write(
        tmp_path,
        "a",
        "setsid sh -c '(trap \"\" TERM; setsid sleep 100 & echo $!; wait) &'; sleep 0.2",
    )
    found = run(path)
    assert found.failure == ""
    assert not any(map(is_there, found.output))


def test_ten_megabytes_are_read_and_the_beginning_is_kept(tmp_path):
    """The script is not held up, and the log gets so many bytes and lines."""
    path = write(tmp_path, "a", "head -c 10485760 /dev/zero | tr '\\0' x; echo; echo end")
    found = run(path)
    assert found.failure == ""
    assert found.output == ["x" * 400, "... (10485765 bytes in all; the rest is left out)"]
    path = write(tmp_path, "b", "i=0; while [ $i -lt 100 ]; do echo $i; i=$((i + 1)); done")
    assert run(path).output == [
        *map(str, range(40)),
        "... (290 bytes in all; the rest is left out)",
    ]


def test_what_it_says_cannot_pass_for_something_else(tmp_path):
    """Letters that a terminal obeys, and bytes that are no UTF-8, are shown as such."""
    path = write(tmp_path, "a", "printf 'a\\033[2Jb\\r\\nc\\377\\n\\n'")
    assert run(path).output == ["a?[2Jb", "c\N{REPLACEMENT CHARACTER}"]


def test_standard_error_is_output_too(tmp_path):
    """In the order in which it was written."""
    assert run(write(tmp_path, "a", "echo one; echo two >&2; echo three")).output == [
        "one",
        "two",
        "three",
    ]

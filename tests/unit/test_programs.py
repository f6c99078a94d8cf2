import subprocess
import sys
from pathlib import Path

import pytest

from dualwan.errors import HostError, KernelError
from dualwan.host import pppd


@pytest.fixture
def proc(tmp_path):
    """Return a function that adds a process to a /proc of our own."""
    def add(pid, *words):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
        return tmp_path
    return add


def test_a_pppd_is_known_by_the_peer_it_was_called_for(proc):
    """`pon PEER` runs `pppd call PEER`, with or without a path."""
    proc(10, "/usr/sbin/pppd", "call", "dsl-provider")
    proc(11, "pppd", "nodetach", "call", "dsl-provider", "debug")
    assert sorted(pppd.pppd_of("dsl-provider", proc(12, "init"))) == [10, 11]


def test_other_processes_are_not_mistaken_for_it(proc):
    """Other peers, other programs and words that only look alike are somebody else's."""
    proc(10, "/usr/sbin/pppd", "call", "other")
    proc(11, "/usr/bin/vi", "call", "dsl-provider")
    proc(12, "/usr/sbin/pppd", "dsl-provider", "call")
    proc(13, "/usr/sbin/pppd", "call", "dsl-provider2")
    proc(14, "grep", "pppd call dsl-provider")
    root = proc(15, "")
    (root / "self").mkdir()
    (root / "16").mkdir()  # ended between listing and reading
    assert pppd.pppd_of("dsl-provider", root) == []


@pytest.fixture
def conntrack(monkeypatch):
    """Record calls instead of running programs; answers as conntrack does."""
    calls = []
    monkeypatch.setattr(pppd, "_run", lambda argv: (
        calls.append(argv), (1, "conntrack v1.4.7: 0 flow entries have been deleted."))[1])
    return calls


def test_flows_are_forgotten_on_either_side_of_a_translation(conntrack):
    """As source and destination of the original, and as what the answer goes to; never all."""
    pppd.forget_flows("203.0.113.1")
    assert [call[-2:] for call in conntrack] == [
        ["--orig-src", "203.0.113.1"], ["--orig-dst", "203.0.113.1"],
        ["--reply-dst", "203.0.113.1"]]
    assert all(call[:2] == ["conntrack", "-D"] for call in conntrack)


def test_a_program_that_fails_says_why(monkeypatch):
    """What conntrack said is in the error."""
    monkeypatch.setattr(pppd, "_run", lambda _argv: (1, "Operation not permitted"))
    with pytest.raises(KernelError, match=r"^forgetting flows of 203\.0\.113\.1: Operation not"):
        pppd.forget_flows("203.0.113.1")


def test_a_program_that_is_not_there_is_named():
    """Not a traceback, but the name of what to install."""
    with pytest.raises(HostError, match="no-such-program is not installed"):
        pppd._run(["no-such-program"])  # noqa: SLF001 - what all of them go through


def test_a_program_that_hangs_is_given_up(monkeypatch):
    """Each has a limit; the hook's own deadline is not spent on one of them."""
    monkeypatch.setattr(pppd, "PROGRAM_LIMIT", 0.05)
    with pytest.raises(HostError, match="sleep did not end within"):
        pppd._run(["sleep", "60"])  # noqa: SLF001 - what all of them go through


def test_dialling_needs_a_peer(monkeypatch):
    """A peer without a file is said to be missing, with the key that names it."""
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    with pytest.raises(HostError, match=r"no /etc/ppp/peers/no-such-peer \(pppoe\.peer\)"):
        pppd.dial("no-such-peer")


def test_what_runs_is_not_dialled_again(monkeypatch):
    """A second ifup stanza does not start a second session."""
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [10])
    assert pppd.dial("dsl-provider") is False


def test_nothing_to_hang_up(monkeypatch):
    """Without a pppd of the peer, poff is not run."""
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    monkeypatch.setattr(pppd, "_run", lambda argv: pytest.fail(f"ran {argv}"))
    assert pppd.hang_up("dsl-provider", 1) is False


def open_files():
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_hanging_up_waits_for_the_end_and_no_longer(monkeypatch):
    """It returns when pppd has ended, says so when it has not, and leaves no file open."""
    argv = [sys.executable, "-c", "input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        before = open_files()
        monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [process.pid])
        monkeypatch.setattr(pppd, "_run", lambda _argv: (0, ""))
        with pytest.raises(HostError, match="did not end within 0 s"):
            pppd.hang_up("dsl-provider", 0.01)
        assert open_files() == before
        monkeypatch.setattr(pppd, "_run", lambda _argv: (process.stdin.close(), (0, ""))[1])
        assert pppd.hang_up("dsl-provider", 10) is True
        assert open_files() == before - 1  # the pipe that kept it running

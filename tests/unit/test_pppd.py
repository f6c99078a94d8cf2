"""PPPoE by pon and poff: which pppd is meant, and waiting for its end."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from dualwan.errors import HostError
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


def test_dialling_needs_a_peer(monkeypatch):
    """A peer without a file is said to be missing, with the key that names it."""
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    with pytest.raises(HostError, match=r"no /etc/ppp/peers/no-such-peer \(pppoe\.peer\)"):
        pppd.dial("no-such-peer")


def test_dialling_that_fails_says_why(monkeypatch, tmp_path):
    """What pon said is in the error; of a silent one that it gave no reason."""
    monkeypatch.setattr(pppd, "Path", lambda *_: tmp_path)  # the peer's file is there
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    for said, reason in (("no such device", "no such device"), ("", "no reason given")):
        monkeypatch.setattr(pppd.program, "run", lambda _argv, said=said: (1, said))
        with pytest.raises(HostError, match=f"^pon dsl-provider failed with code 1: {reason}$"):
            pppd.dial("dsl-provider")


def test_dialling_starts_the_peer(monkeypatch, tmp_path):
    """By its name, which is an argument of its own."""
    calls = []
    monkeypatch.setattr(pppd, "Path", lambda *_: tmp_path)
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    monkeypatch.setattr(pppd.program, "run", lambda argv: (calls.append(argv), (0, ""))[1])
    assert pppd.dial("dsl-provider") is True
    assert calls == [["pon", "dsl-provider"]]


def test_what_runs_is_not_dialled_again(monkeypatch):
    """A second ifup stanza does not start a second session."""
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [10])
    assert pppd.dial("dsl-provider") is False


def test_nothing_to_hang_up(monkeypatch):
    """Without a pppd of the peer, poff is not run."""
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    monkeypatch.setattr(pppd.program, "run", lambda argv: pytest.fail(f"ran {argv}"))
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
        monkeypatch.setattr(pppd.program, "run", lambda _argv: (0, ""))
        with pytest.raises(HostError, match="did not end within 0 s"):
            pppd.hang_up("dsl-provider", 0.01)
        assert open_files() == before
        monkeypatch.setattr(pppd.program, "run", lambda _argv: (process.stdin.close(), (0, ""))[1])
        assert pppd.hang_up("dsl-provider", 10) is True
        assert open_files() == before - 1  # the pipe that kept it running


def test_hanging_up_that_fails_says_why(monkeypatch):
    """Also where pppd ended all the same, and no file stays open."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [process.pid])
        monkeypatch.setattr(pppd.program, "run", lambda _argv: (1, "no pppd is running"))
        before = open_files()
        with pytest.raises(HostError, match=r"^poff dsl-provider failed with code 1: no pppd"):
            pppd.hang_up("dsl-provider", 10)
        assert open_files() == before


def test_a_pppd_that_ended_meanwhile_is_not_waited_for(monkeypatch):
    """Between the look into /proc and the handle for its end."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [process.pid])
    monkeypatch.setattr(pppd.program, "run", lambda argv: pytest.fail(f"ran {argv}"))
    assert pppd.hang_up("dsl-provider", 1) is False


def test_a_poff_that_fails_is_not_waited_for(monkeypatch):
    """The session goes on: the time of the rest of ifdown is not spent on it."""
    argv = [sys.executable, "-c", "input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        before, began = open_files(), time.monotonic()
        monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [process.pid])
        monkeypatch.setattr(pppd.program, "run", lambda _argv: (1, "no such peer"))
        with pytest.raises(HostError, match=r"^poff dsl-provider failed with code 1: no such"):
            pppd.hang_up("dsl-provider", 10)
        assert time.monotonic() - began < 5
        assert open_files() == before


def test_a_poff_that_is_missing_leaves_no_file_open(monkeypatch):
    """The error is that of running it."""

    def missing(_argv):
        raise HostError("poff is not installed")

    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [process.pid])
        monkeypatch.setattr(pppd.program, "run", missing)
        before = open_files()
        with pytest.raises(HostError, match="poff is not installed"):
            pppd.hang_up("dsl-provider", 10)
        assert open_files() == before

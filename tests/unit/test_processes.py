"""Which process is a pppd of a peer, of which session, and which is about to dial."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dualwan.host import processes
from dualwan.ppp.session import Pppd, Session

ME = os.getuid()


@pytest.fixture
def proc(tmp_path):
    """Return a function that adds a process to a /proc of our own."""

    def add(pid, *words, program="/usr/sbin/pppd", cgroup="", started=0):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
        (folder / "exe").symlink_to(program)
        (folder / "cgroup").write_text(f"0::{cgroup}\n")
        (folder / "stat").write_text(f"{pid} (a ) b) S 7 {' '.join(['0'] * 17)} {started} 0\n")
        return tmp_path

    return add


def pids(peer, root, owner=ME):
    """Return the processes of PEER below ROOT."""
    return sorted(one.pid for one in processes.pppds(root, owner) if peer in one.peers)


def test_a_pppd_is_known_by_the_peer_it_was_called_for(proc):
    """`pon PEER` runs `pppd call PEER`; others call it with words before, or by the file."""
    proc(10, "/usr/sbin/pppd", "call", "dsl-provider")
    proc(11, "pppd", "nodetach", "call", "dsl-provider", "debug")
    proc(12, "pppd", "file", "/etc/ppp/peers/dsl-provider")
    proc(13, "pppd", "call", "dsl-provider", program="/usr/sbin/pppd (deleted)")
    assert pids("dsl-provider", proc(14, "init", program="/sbin/init")) == [10, 11, 12, 13]


def test_other_processes_are_not_mistaken_for_it(proc):
    """Other peers, other programs and words that only look alike are somebody else's."""
    proc(10, "/usr/sbin/pppd", "call", "other")
    proc(11, "/usr/bin/vi", "call", "dsl-provider", program="/usr/bin/vi")
    proc(12, "/usr/sbin/pppd", "dsl-provider", "call")
    proc(13, "/usr/sbin/pppd", "call", "dsl-provider2")
    proc(14, "grep", "pppd call dsl-provider", program="/usr/bin/grep")
    root = proc(15, "")
    (root / "self").mkdir()
    (root / "16").mkdir()  # ended between listing and reading
    assert pids("dsl-provider", root) == []


def test_what_only_calls_itself_pppd_is_not_taken_for_it(proc):
    """L2: a user chooses the words of a process, but neither its owner nor its program."""
    proc(10, "pppd", "call", "dsl-provider", program="/usr/bin/sleep")
    proc(11, "pppd", "call", "dsl-provider", program="/usr/bin/sudo")  # of root, named by a user
    root = proc(12, "pppd", "call", "dsl-provider")
    assert pids("dsl-provider", root, owner=ME + 1) == []
    assert pids("dsl-provider", root) == [12]


def test_a_real_process_under_a_false_name_is_seen_through():
    """The same with a process that runs, whose owner is that of the test."""
    argv = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        ["pppd", *argv[1:], "call", "dsl-provider"],
        executable=argv[0],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()  # it runs
        assert Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"pppd\0")
        assert processes.pppd(process.pid, owner=ME) is None
        process.stdin.close()


def test_without_root_the_owner_is_enough(proc, monkeypatch):
    """Only root may see the program of root's process, and `status` is for everybody."""
    root = proc(10, "pppd", "call", "dsl-provider")

    def hidden(_path):
        raise PermissionError

    monkeypatch.setattr(Path, "readlink", hidden)
    assert pids("dsl-provider", root) == [10]
    assert pids("dsl-provider", root, owner=ME + 1) == []


def test_a_pppd_of_another_network_namespace_is_not_ours(proc):
    """A container's, or the other end in a test of both ends."""
    root = proc(10, "pppd", "call", "dsl-provider")
    for folder, name in (("self", "ours"), ("10", "theirs")):
        (root / folder / "ns").mkdir(parents=True)
        (root / folder / "ns/net").write_text(name)
    assert pids("dsl-provider", root) == []
    (root / "10/ns/net").unlink()
    (root / "10/ns/net").hardlink_to(root / "self/ns/net")
    assert pids("dsl-provider", root) == [10]


def test_a_pppd_is_known_by_its_service_and_its_age(proc):
    """By its control group, and by proc_pid_stat(5), where the name may hold anything."""
    root = proc(10, "pppd", "call", "x", cgroup="/system.slice/ppp@x.service", started=77)
    proc(11, "pppd", "call", "x", cgroup="/user.slice/session-3.scope")
    found = {one.pid: one for one in processes.pppds(root, ME)}
    assert (found[10].service, found[10].started) == ("ppp@x.service", 77)
    assert found[10].parent == 7
    assert (found[11].service, found[11].started) == ("", 0)


def test_a_session_is_known_by_the_file_of_its_process(proc, tmp_path):
    """P4: /run/INTERFACE.pid; stale ones, those of other programs and of no interface are not."""
    root, run = proc(10, "pppd", "call", "dsl-provider"), tmp_path / "run"
    proc(11, "sshd", program="/usr/sbin/sshd")
    run.mkdir()
    for name, text in (
        ("lo.pid", "10\n"),
        ("ppp7.pid", "10\n"),
        ("sshd.pid", "11\n"),
        ("broken.pid", "none\n"),
        ("lo.lock", "10\n"),
    ):
        (run / name).write_text(text)
    assert processes.sessions(run, root, ME) == (
        Session("lo", Pppd(10, ("pppd", "call", "dsl-provider"), parent=7), "127.0.0.1"),
    )
    for text in ("11\n", "12\n", "", "x"):
        (run / "lo.pid").write_text(text)
        assert processes.sessions(run, root, ME) == ()
    assert processes.sessions(tmp_path / "none", root, ME) == ()


def test_a_pon_that_is_about_to_dial_counts(proc):
    """Between its start and its exec of pppd it is a shell."""
    root = proc(10, "/bin/sh", "/usr/bin/pon", "dsl-provider", program="/usr/bin/dash")
    proc(11, "/bin/sh", "/usr/bin/pon", "other", program="/usr/bin/dash")
    proc(12, "sh", "pon", "theirs", program="/usr/bin/python3")
    assert processes.dialling("dsl-provider", root, ME)
    assert not processes.dialling("theirs", root, ME)
    assert not processes.dialling("dsl-provider", root, ME + 1)

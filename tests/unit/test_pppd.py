"""PPPoE by pon and a signal: dialling, hanging up, and one pppd a peer."""

import gc
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread

import pytest

from dualwan.errors import BusyError, HostError
from dualwan.host import pppd, processes, run_files
from dualwan.ppp.options import PeerOptions
from dualwan.ppp.session import Pppd, Session
from dualwan.ppp.starters import Starter

ME = os.getuid()
PPPD, PPPD_OF = processes.pppd, pppd.pppd_of
PEER = "dsl-provider", "pppoe.peer"  # and the key that names it


# --- dialling --------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quiet(monkeypatch, tmp_path):
    """Let no pppd run, the peer's file be there, and the run directory be the test's."""
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "dualwan"))
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    monkeypatch.setattr(pppd.processes, "dialling", lambda _peer: False)
    monkeypatch.setattr(pppd.ppp, "read_options", lambda _peer: PeerOptions())


@pytest.fixture
def _peer_is_there(monkeypatch, tmp_path):
    monkeypatch.setattr(pppd, "Path", lambda *_: tmp_path)


def test_dialling_needs_a_peer():
    """A peer without a file is said to be missing, with the key that names it."""
    with pytest.raises(HostError, match=r"no /etc/ppp/peers/no-such-peer \(pppoe\.peer\)"):
        pppd.dial("no-such-peer", "pppoe.peer")


@pytest.mark.usefixtures("_peer_is_there")
def test_dialling_that_fails_says_why(monkeypatch):
    """What pon said is in the error; of a silent one that it gave no reason."""
    for said, reason in (("no such device", "no such device"), ("", "no reason given")):
        monkeypatch.setattr(pppd.program, "start", lambda *_, said=said: (1, said))
        with pytest.raises(HostError, match=f"^pon dsl-provider failed with code 1: {reason}$"):
            pppd.dial(*PEER)


@pytest.mark.usefixtures("_peer_is_there")
def test_dialling_starts_the_peer(monkeypatch):
    """By its name, which is an argument of its own."""
    calls = []
    monkeypatch.setattr(pppd.program, "start", lambda *given: (calls.append(given), (0, ""))[1])
    assert pppd.dial(*PEER) is True
    assert calls == [(["pon", "dsl-provider"], 10.0)]


@pytest.mark.usefixtures("_peer_is_there")
@pytest.mark.parametrize("option", ["nodetach", "up_sdnotify", "-detach"])
def test_a_pppd_that_stays_in_the_foreground_is_waited_for_briefly(monkeypatch, option):
    """Pon returns only when the session is over: only a failure at once is heard."""
    calls = []
    read = {"/etc/ppp/peers/dsl-provider": f"{option}\n"}.__getitem__

    def text(path):
        try:
            return read(path)
        except KeyError:
            raise FileNotFoundError(path) from None

    monkeypatch.setattr(pppd.ppp, "read_options", lambda peer: pppd.ppp.read_peer(peer, text, ()))
    monkeypatch.setattr(pppd.program, "start", lambda *given: (calls.append(given), (0, ""))[1])
    assert pppd.dial(*PEER) is True
    assert calls == [(["pon", "dsl-provider"], 1.0)]


@pytest.mark.usefixtures("_peer_is_there")
def test_a_confined_unit_has_the_peer_dialled_by_another(monkeypatch):
    """Once: its wish is in a file of root's, and is gone when it is taken, or hung up."""
    monkeypatch.setattr(pppd.program, "start", lambda *_: pytest.fail("started in the unit"))
    monkeypatch.setenv(pppd.CONFINED, "1")
    assert pppd.dial(*PEER) is True
    assert (run_files.directory() / pppd.WANTED).stat().st_mode & 0o777 == 0o600
    assert [pppd.take_wanted(), pppd.take_wanted()] == ["dsl-provider", ""]
    pppd.dial(*PEER)
    assert pppd.hang_up("dsl-provider", 1) is False
    assert pppd.take_wanted() == ""


@pytest.mark.parametrize("text", ['"../../tmp/theirs"', '"-detach"', "7", "{", "", '"a b"'])
def test_a_wish_for_no_peer_is_none(text):
    """And is forgotten, so that the unit is not started for it again and again."""
    run_files.write(pppd.WANTED, "")
    path = run_files.directory() / pppd.WANTED
    path.write_text(text)
    assert pppd.take_wanted() == ""
    assert not path.exists()


def test_what_runs_is_not_dialled_again(monkeypatch):
    """A second ifup stanza does not start a second session."""
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [Pppd(10, ())])
    assert pppd.dial(*PEER) is False


def test_what_is_just_starting_is_not_dialled_again(monkeypatch):
    """Nor while another program's pon is on its way, nor another run's of this program."""
    monkeypatch.setattr(pppd.processes, "dialling", lambda _peer: True)
    assert pppd.dial(*PEER) is False

    @contextmanager
    def busy(*_):
        raise BusyError("another run")
        yield

    monkeypatch.setattr(pppd, "locked", busy)
    assert pppd.dial(*PEER) is False


@pytest.mark.usefixtures("_peer_is_there")
def test_two_runs_dial_once(monkeypatch):
    """P2: of a command and a hook at the same moment the second sees what the first started."""
    started = []

    def start(_argv, _seconds):
        time.sleep(0.05)
        started.append(1)
        return 0, ""

    monkeypatch.setattr(pppd, "locked", _lock())
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: started)
    monkeypatch.setattr(pppd.program, "start", start)
    said = []
    runs = [Thread(target=lambda: said.append(pppd.dial(*PEER))) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted(said) == [False, False, False, True]
    assert len(started) == 1


def _lock():
    """Return a stand-in for locked(), whose alarm only the main thread can set."""
    lock = Lock()

    @contextmanager
    def locked(*_):
        with lock:
            yield

    return locked


# --- hanging up ------------------------------------------------------------------------------


@pytest.fixture
def running(monkeypatch, tmp_path):
    """Return a function that starts a process which is taken for a pppd of the peer."""
    started = []
    program = tmp_path / "bin" / "pppd"
    program.parent.mkdir()
    shutil.copy(shutil.which("dash") or "/bin/sh", program)

    def start(script="read -r word"):
        process = subprocess.Popen(
            [program, "-c", script, "call", "dsl-provider"], stdin=subprocess.PIPE
        )
        started.append(process)
        while (found := PPPD(process.pid, owner=ME)) is None:
            time.sleep(0.001)  # until exec has replaced the child of this test
        monkeypatch.setattr(processes, "pppd", lambda pid: PPPD(pid, owner=ME))
        monkeypatch.setattr(
            pppd, "pppd_of", lambda _peer: [one for one in known if processes.pppd(one.pid)]
        )
        known.append(found)
        return process

    known = []
    yield start
    for process in started:
        process.kill()
        process.stdin.close()
        process.wait()


def open_files():
    """Return how many files this process has open, those of forgotten objects not counted."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_to_hang_up():
    """Without a pppd of the peer there is nothing to wait for."""
    assert pppd.hang_up("dsl-provider", 1) is False


def test_hanging_up_ends_each_pppd_of_the_peer_and_waits_for_it(running):
    """However it was started: it gets SIGTERM, and no file stays open."""
    both = [running(), running()]
    before = open_files()
    assert pppd.hang_up("dsl-provider", 10) is True
    assert [process.wait() for process in both] == [-15, -15]
    assert open_files() == before


def test_a_session_that_does_not_end_is_not_waited_for_longer(running):
    """It returns when the time is over, says so, and leaves no file open."""
    running("trap '' TERM; read -r word; read -r word")
    time.sleep(0.1)  # for the trap
    before = open_files()
    with pytest.raises(HostError, match="pppd of dsl-provider did not end within 0 s"):
        pppd.hang_up("dsl-provider", 0.01)
    assert open_files() == before


def test_a_pppd_that_ended_meanwhile_is_not_waited_for(monkeypatch, running):
    """Between the look into /proc and the handle for its end."""
    process = running()
    found = processes.pppd(process.pid)
    process.kill()
    process.wait()
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [found])
    assert pppd.hang_up("dsl-provider", 1) is False


def test_a_process_id_that_is_another_process_s_by_now_is_spared(monkeypatch, running):
    """It is looked at once more when there is a handle for it."""
    process = running()
    other = processes.pppd(process.pid)._replace(started=1)
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [other])
    before = open_files()
    assert pppd.hang_up("dsl-provider", 1) is False
    assert process.poll() is None
    assert open_files() == before


def test_without_the_right_to_end_it_the_process_is_named(monkeypatch, running):
    """As for a user who is not root."""
    process = running()

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(pppd.signal, "pidfd_send_signal", refused)
    before = open_files()
    with pytest.raises(
        HostError, match=rf"\(process {process.pid}\) cannot be ended: Operation not permitted"
    ):
        pppd.hang_up("dsl-provider", 1)
    assert open_files() == before


# --- one pppd a peer -------------------------------------------------------------------------


def test_of_two_pppds_one_goes_on(monkeypatch, running):
    """P2: the one with a session; the other is told to end, and not waited for."""
    first, second = running(), running()
    session = Session("ppp0", processes.pppd(second.pid), "203.0.113.7")
    monkeypatch.setattr(processes, "sessions", lambda: (session,))
    monkeypatch.setattr(pppd.ppp, "starters", lambda _peer: ())
    assert pppd.keep_one("dsl-provider") is True
    assert first.wait() == -15
    assert second.poll() is None
    assert pppd.keep_one("dsl-provider") is False


def test_the_one_that_systemd_starts_again_stays(monkeypatch, running):
    """To end it would begin a fight."""
    first, second = running(), running()
    mine = [
        processes.pppd(first.pid)._replace(service="ppp@dsl-provider.service"),
        processes.pppd(second.pid),
    ]
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: mine)
    session = Session("ppp0", mine[1], "203.0.113.7")
    monkeypatch.setattr(processes, "sessions", lambda: (session,))
    unit = Starter("/etc/x:1", "the service", "ppp@dsl-provider.service", again=True)
    monkeypatch.setattr(pppd.ppp, "starters", lambda _peer: (unit,))
    assert pppd.keep_one("dsl-provider") is True
    assert second.wait() == -15
    assert first.poll() is None


def test_only_the_pppd_of_the_peer_counts(monkeypatch):
    """Another session of the machine is not ours to end."""
    ours, other = Pppd(5, ("pppd", "call", "dsl")), Pppd(6, ("pppd", "call", "lte"))
    monkeypatch.setattr(processes, "pppds", lambda: [other, ours])
    assert PPPD_OF("dsl") == [ours]
    assert PPPD_OF("none") == []

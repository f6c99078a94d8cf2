"""Peers that confined units want dialled, while the session of another peer is ended."""

import fcntl
import json
from contextlib import contextmanager

import pytest

from dualwan.errors import BusyError
from dualwan.host import pppd, run_files


@pytest.fixture(autouse=True)
def _quiet(monkeypatch, tmp_path):
    """Let no pppd run, the peers' files be there, and each start be of a confined unit."""
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "dualwan"))
    monkeypatch.setenv(pppd.CONFINED, "1")
    monkeypatch.setattr(pppd, "Path", lambda *_: tmp_path)
    monkeypatch.setattr(pppd, "pppd_of", lambda _peer: [])
    monkeypatch.setattr(pppd.processes, "dialling", lambda _peer: False)


def _another_run_dials(peer):
    """Add the wish for ``peer``, as another process would if it gets the lock; return if it did."""
    with (run_files.directory() / "dial/lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        run_files.write(
            pppd.WANTED, [*json.loads((run_files.directory() / pppd.WANTED).read_text()), peer]
        )
        return True


def test_a_wish_of_meanwhile_is_kept(monkeypatch):
    """What another run adds while the list is rewritten stays: nobody would ask for it again."""
    pppd.dial("one", "pppoe.peer")
    pppd.dial("three", "pppoe_three.peer")
    write, tried = run_files.write, []

    def interrupted(*given):
        monkeypatch.setattr(run_files, "write", write)
        tried.append(_another_run_dials("two"))
        write(*given)

    monkeypatch.setattr(run_files, "write", interrupted)
    pppd.hang_up("one", 1)
    assert tried == [False]
    assert _another_run_dials("two")
    assert [pppd.take_wanted(), pppd.take_wanted(), pppd.take_wanted()] == ["three", "two", ""]


def test_a_run_that_dials_does_not_hold_up_the_end(monkeypatch):
    """Of a pon that hangs the wish is taken back without its lock."""
    pppd.dial("one", "pppoe.peer")

    @contextmanager
    def busy(*_):
        raise BusyError("another run")
        yield

    with monkeypatch.context() as held:
        held.setattr(pppd, "locked", busy)
        pppd.hang_up("one", 1)
    assert pppd.take_wanted() == ""

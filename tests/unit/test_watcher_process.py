"""The watcher's process: a child for each look, what is waited for in between, and systemd."""

import os
import signal
import socket
import subprocess
import time

import pytest

from dualwan import watcher
from dualwan.apart import SIGNALS, apart
from dualwan.commands.units import notify_ready
from dualwan.errors import KernelError
from dualwan.watcher import Carried, Looked

pytestmark = pytest.mark.usefixtures("log")


def test_a_look_is_a_process_of_its_own():
    """What it leaves comes back; nothing that it imports or spoils stays here."""

    def child():
        return Looked(3.0, Carried(said=str(os.getpid())))

    seconds, carried = apart(child)
    assert seconds == 3.0
    assert carried.said != str(os.getpid())


def test_a_signal_does_not_end_a_look_and_its_programs_can_be_ended():
    """A pppd that is dialled by a look must be able to hear of SIGTERM."""

    def child():
        os.kill(os.getpid(), signal.SIGTERM)
        program = subprocess.run(["grep", "SigBlk", "/proc/self/status"], stdout=-1, check=True)
        return Looked(None, Carried(said=program.stdout.decode().split()[1]))

    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        _, carried = apart(child)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    assert int(carried.said, 16) == 0


def test_a_look_that_crashes_ends_alone(capfd):
    """It is logged by itself, and counts as a failure."""

    def child():
        raise RuntimeError("a bug")

    assert apart(child) is None
    assert capfd.readouterr().err == ""


def test_a_look_that_hangs_is_ended(monkeypatch, capfd):
    """By the deadline of a hook; a machine that is slow is nothing to report."""
    monkeypatch.setattr("dualwan.apart.DEADLINE_SECONDS", 1)
    monkeypatch.setattr("dualwan.apart.fail", lambda _, error: print(error, flush=True))
    began = time.monotonic()
    assert apart(lambda: time.sleep(30)) is None
    assert time.monotonic() - began < 20
    assert capfd.readouterr().out == "gave up after 1 s\n"


class EndError(Exception):
    """The test has seen enough."""


class Ears:
    """What wakes the watcher in a test: ``news`` says how often there is some."""

    programs = ("nft",)

    def __init__(self, *news):
        self.news = list(news)
        self.waits, self.followed, self.blocked = [], [], []

    def drain(self):
        """Forget the news so far."""
        return False

    def follow(self, sysctls, devices):
        """Take down what is followed."""
        self.followed.append((sysctls, devices))

    def wait(self, seconds=None):
        """Return the next of ``news``."""
        self.waits.append(seconds)
        self.blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        if not self.news:
            raise EndError
        return self.news.pop(0)


@pytest.fixture(name="looks")
def _looks(monkeypatch):
    """Return outcomes for the watcher's looks, one each, and let no process be made."""
    outcomes = []
    monkeypatch.setattr(watcher, "apart", lambda _look: outcomes.pop(0))
    yield outcomes
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def test_it_looks_at_once_and_then_waits(looks, tmp_path):
    """A look that wants another one gets it; what was found is followed; signals end the wait."""
    followed = (("net/ipv4/ip_forward",), (2,))
    looks.extend([Looked(0.0, Carried()), Looked(None, Carried(followed=followed))])
    ears = Ears()
    with pytest.raises(EndError):
        watcher.watch(tmp_path, lambda: None, ears)
    assert ears.waits == [None]
    assert ears.followed == [((), ()), followed]
    assert not ears.blocked[0] & set(SIGNALS)


def test_a_crash_is_tried_again_after_a_pause_and_news_end_the_counting(looks, tmp_path):
    """Seven crashes in a row are waited out; with news it looks again at once."""
    looks.extend([None] * 9)
    ears = Ears(False, False, False, False, False, False, False, True)
    with pytest.raises(EndError):
        watcher.watch(tmp_path, lambda: None, ears)
    assert ears.waits == [1, 2, 4, 8, 16, 32, 64, 64, 1]


def test_without_room_for_inotify_it_hears_the_rest(looks, tmp_path, log):
    """Containers may have used up what the kernel gives a user. It is said, and tried again."""
    looks.extend([Looked(None, Carried())] * 4)
    ears = Ears(True, True, True)
    refusals, follow = [True, True, False, True], ears.follow

    def refuse(*followed):
        if refusals.pop(0):
            raise KernelError("inotify: Too many open files")
        follow(*followed)

    ears.follow = refuse
    with pytest.raises(EndError):
        watcher.watch(tmp_path, lambda: None, ears)
    assert ears.waits == [None] * 4
    assert ears.followed == [((), ())]
    assert [line.partition(": a write")[0] for line in log] == ["inotify: Too many open files"] * 2


def test_systemd_is_told_that_it_listens(tmp_path):
    """By a datagram to the socket that it names; elsewhere nobody asks."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        notify_ready(str(tmp_path / "notify"))
        assert systemd.recv(100) == b"READY=1"
    notify_ready("")

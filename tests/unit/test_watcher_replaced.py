"""A watcher under which Python or a library is upgraded, as from Debian 12 to 13.

Its looks load what is on the disk by then. They all failed, without a word where the log's own
modules were gone, and `status` said that the watcher runs.
"""

import signal
import sys

import pytest

from dualwan import watcher
from dualwan.apart import SIGNALS, apart
from dualwan.errors import ReplacedError
from dualwan.watcher import Carried, Looked

pytestmark = pytest.mark.usefixtures("log")


@pytest.fixture(autouse=True)
def _signals():
    """Let signals end a test again."""
    yield
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class Ears:
    """What wakes the watcher each time that it waits; ``waits``: for how long it would have."""

    programs = ()

    def __init__(self, *news):
        self.news, self.waits = [*news], []

    def drain(self):
        """Forget the news so far."""

    def follow(self, sysctls, devices):
        """Follow nothing."""

    def wait(self, seconds=None):
        """Let the machine change, or end the test."""
        self.waits.append(seconds)
        if not self.news:
            raise EOFError
        self.news.pop(0)()
        return True


def load_what_is_gone():
    """Load a module of a Python that was removed."""
    import gone_with_python_3_11  # noqa: F401, PLC0415 - it is not there


def look(monkeypatch, *looks):
    """Let the watcher's looks be LOOKS, each in a process of its own."""
    waiting = [*looks]
    monkeypatch.setattr(watcher, "apart", lambda _: apart(waiting.pop(0)))


def works():
    """Look, and find nothing to do."""
    return Looked(None, Carried())


def fails():
    """Look, and find that a module is gone, and those of the log."""
    sys.modules.pop("structlog", None)
    load_what_is_gone()


def test_it_ends_to_be_started_anew(monkeypatch, tmp_path, capfd):
    """Its unit has Restart=always. What is gone is named without the log's own modules."""
    look(monkeypatch, works, fails)
    ears = Ears(lambda: None)
    with pytest.raises(ReplacedError, match="Python, or a library, was replaced"):
        watcher.watch(tmp_path, lambda: None, ears)
    assert ears.waits == [None]
    assert "No module named 'gone_with_python_3_11' (the watcher)" in capfd.readouterr().err


def test_one_that_has_never_worked_is_not_started_again_and_again(monkeypatch, tmp_path):
    """A library that is not there at all is waited for as any other failure is."""
    look(monkeypatch, fails, works)
    ears = Ears(lambda: None)
    with pytest.raises(EOFError):
        watcher.watch(tmp_path, lambda: None, ears)
    assert ears.waits == [1.0, None]

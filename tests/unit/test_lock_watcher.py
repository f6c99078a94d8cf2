"""The lock of the one watcher, held as long as it lives."""

import pytest

from dualwan.errors import BusyError
from dualwan.host import lock
from dualwan.host.lock import is_watched, locked, watching


def test_a_watcher_is_seen_as_long_as_it_lives(tmp_path):
    """By its lock, whatever it was killed by; asking for it leaves nothing behind."""
    directory = tmp_path / "run"
    assert not is_watched(directory)
    assert not directory.exists()
    with watching(directory):
        assert is_watched(directory)
        assert (directory / "watch").stat().st_mode & 0o777 == 0o600
    assert not is_watched(directory)


def test_a_second_watcher_is_refused(tmp_path, monkeypatch):
    """Two would mend the same things at the same time."""
    monkeypatch.setattr(lock, "WATCH_SECONDS", 0.05)
    with (
        watching(tmp_path),
        pytest.raises(BusyError, match="another dualwan-hook watch runs already"),
        watching(tmp_path),
    ):
        pass


def test_a_watcher_does_not_hold_the_lock_of_a_run(tmp_path):
    """Both are held at once: it waits while others work."""
    with watching(tmp_path), locked(tmp_path, 0.1):
        assert is_watched(tmp_path)

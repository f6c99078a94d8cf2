"""How long the end of PPPoE is waited for."""

from types import SimpleNamespace

from dualwan.host import pppd


def test_several_pppds_have_one_limit_together(monkeypatch):
    """Each has what the ones before have left of it; the last, nothing."""
    clock, waits = SimpleNamespace(now=100.0), []

    def select(handles, _writing, _failing, seconds):
        waits.append(seconds)
        clock.now += 3
        return handles, [], []

    monkeypatch.setattr(pppd, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(pppd, "select", SimpleNamespace(select=select))
    assert pppd._ended([5, 6, 7], 5.0)  # noqa: SLF001 - with processes it would take as long
    assert waits == [5, 2, 0]

"""What conntrackd is told, and what becomes of an answer that is none."""

import pytest

from dualwan.errors import HostError
from dualwan.host import conntrackd, program


@pytest.fixture(name="orders")
def _orders(monkeypatch, tmp_path):
    """Return what a conntrackd that is set up has been asked for."""
    found = []
    config = tmp_path / "conntrackd.conf"
    config.touch()
    monkeypatch.setattr(conntrackd, "CONFIG", str(config))

    def run(argv):
        found.append(argv[-1])
        failed = "-R" in argv
        said = "[Fri Nov 27 08:20:46 2026] (pid=1) [ERROR] can't connect: is it running?\n"
        return (1, said) if failed else (0, "")

    monkeypatch.setattr(program, "run", run)
    return found


def test_orders_are_given_in_turn(orders):
    """Each by a program of its own."""
    conntrackd.run("-t", "-n")
    assert orders == ["-t", "-n"]


def test_the_first_refusal_ends_it_with_its_reason(orders):
    """Without the date that conntrackd puts before it."""
    with pytest.raises(HostError) as caught:
        conntrackd.run("-f", "-R", "-B")
    assert str(caught.value) == "conntrackd -R has failed: can't connect: is it running?"
    assert orders == ["-f", "-R"]


def test_without_its_file_it_is_not_there(orders, monkeypatch, tmp_path):
    """Two routers may do without it."""
    monkeypatch.setattr(conntrackd, "CONFIG", str(tmp_path / "none"))
    conntrackd.run("-c")
    assert orders == []

"""The lab's line as it is built and changed: what ip(8) is given to do, and what is waited for."""

import pytest
from guest import behind, command, isp, line, router, waiting
from guest.addresses import FIXED_ADDRESS, FIXED_CE, OTHER_WAN_PREFIX, WAN_PREFIX
from guest.namespace import Namespace
from guest.waiting import TimedOutError

OBJECTS = {"address", "link", "netns", "route", "rule"}


@pytest.fixture(name="batches")
def _batches(tmp_path, monkeypatch):
    """Return the lines that ip is given in batches; nothing is done."""
    lines = []

    def run(argv, *, text=None, limit=60):
        assert limit > 0
        if "-batch" in argv:
            lines.extend(text.splitlines())
        return ""

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr(Namespace, "sysctl", lambda *_, **__: None)
    monkeypatch.setattr(Namespace, "start", lambda *_: None)
    monkeypatch.setattr(router, "write_first_settings", lambda: None)
    monkeypatch.setattr(router, "addresses", lambda _: [f"{WAN_PREFIX}5"])
    for name in ("RUN", "OWN_ETC", "DELEGATES"):
        monkeypatch.setattr(isp, name, tmp_path / name)
    monkeypatch.setattr(line, "DELEGATES", tmp_path / "DELEGATES")
    return lines


@pytest.mark.parametrize("delegates", [False, True])
def test_the_lines_of_a_batch_begin_with_what_they_are_about(batches, delegates):
    """ip(8) takes no options there: one ends the batch with an error."""
    if delegates:
        isp.DELEGATES.touch()
    lab = line.Line()
    lab.build()
    lab.renumber(OTHER_WAN_PREFIX, instead_of=WAN_PREFIX)
    with (
        lab.other_softwire(FIXED_CE, FIXED_ADDRESS, seen_as=FIXED_ADDRESS),
        behind.Network("guest", 5).joined(lab),
    ):
        pass
    assert len(batches) > 50
    assert {one.split()[0] for one in batches} <= OBJECTS


def test_what_no_event_tells_of_is_looked_at_in_the_end():
    """Once more, after the limit; then it is given up."""
    looks = []

    def look(wanted):
        looks.append(1)
        return len(looks) >= wanted

    assert waiting.until(lambda: look(2), "the second look", 0.2)
    looks.clear()
    with pytest.raises(TimedOutError, match="a look that never comes"):
        waiting.until(lambda: look(100), "a look that never comes", 0.2)

"""A hook that meets a bug of ours, its deadline, and whom a configuration may concern."""

import sys
from contextlib import contextmanager

import pytest
from machine import BASE, Machine

from dualwan import hook
from dualwan.host import alarm
from dualwan.model.event import Event


@pytest.fixture(name="be")
def _be(monkeypatch):
    """Return a function that lets hooks act on a machine of this class."""

    def be(kind=Machine):
        machine = kind("wan0", "lan0")
        monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
        return machine

    return be


@pytest.fixture(name="deadlines")
def _deadlines(monkeypatch):
    """Collect the deadlines that a hook has, in seconds, and those that are over."""
    seconds = []

    @contextmanager
    def deadline(limit):
        seconds.append(limit)
        try:
            yield
        finally:
            seconds.append("over")

    monkeypatch.setattr(alarm, "deadline", deadline)
    return seconds


LEARNED = BASE.replace('provider = "manual"', 'provider = "auto"\nwait = 300').replace(
    'br = "2001:db8:ffff::9"\nce = "2001:db8:0:100:99:f000:0:100"\nipv4 = "192.0.2.18"\n'
    "psid = 1\npsid-length = 6\n",
    "",
)


@pytest.fixture(name="deadline")
def _deadline(config, be, log, deadlines):
    """Return a function that lets an event happen and returns the deadline that it had."""
    assert log == []

    def deadline(text, event, device):
        be()
        config.write_text(text)
        assert hook.hook(event.value, device, {"DUALWAN_CONFIG": str(config)}) == 0
        [seconds, _over] = deadlines
        return seconds

    return deadline


@pytest.mark.parametrize(
    ("text", "event", "device", "seconds"),
    [
        pytest.param(LEARNED, Event.UP, "wan0", 360, id="ifup waits for a prefix besides"),
        pytest.param(
            LEARNED, Event.PRE_UP, "wan0", 60, id="before ifup there is nothing to wait for"
        ),
        pytest.param(LEARNED, Event.DOWN, "wan0", 60, id="nor at ifdown"),
        pytest.param(LEARNED, Event.PPP_UP, "ppp0", 60, id="nor for PPPoE"),
        pytest.param(BASE, Event.UP, "wan0", 60, id="nor with values given by hand"),
    ],
)
def test_the_deadline_leaves_time_for_what_is_waited_for(deadline, text, event, device, seconds):
    """A minute, and `wait` of the configuration on top where a prefix is waited for."""
    assert deadline(text, event, device) == seconds


class Broken(Machine):
    """A machine on which something of ours goes wrong that nobody thought of."""

    error = None

    def observe(self, *_):
        """Fail with an error that is none of our own."""
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("first line\nsecond line"),
        KeyError("mape"),
        AttributeError("no such thing"),
        AssertionError(),
        RecursionError("too deep"),
        OSError(5, "Input/output error"),
        MemoryError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        StopIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_bug_of_ours_is_one_line_and_zero(config, be, log, capsys, error):
    """Ifup goes on; log and ifup's user read what it was, without a traceback, and what to do."""
    be(Broken).error = error
    assert hook.hook("up", "wan0", {"DUALWAN_CONFIG": str(config)}) == 0
    [line] = log
    assert line.startswith(f"unexpected {type(error).__name__}: ")
    assert line.endswith("; please report it (cause=ifup)")
    assert line[: -len(" (cause=ifup)")] == capsys.readouterr().err.removeprefix(
        "dualwan-hook: "
    ).removesuffix("\n")


@pytest.mark.parametrize("where", ["dualwan.config.load", "dualwan.host.kernel.KernelHost"])
@pytest.mark.parametrize(("event", "code"), [("pre-up", hook.NOT_CLOSED), ("up", 0)])
def test_a_bug_before_anything_begins_is_no_different(
    config, monkeypatch, log, capsys, where, event, code
):
    """Reading the configuration and opening the machine are ours too; before ifup it counts."""

    def fail(*_):
        raise TypeError("unsupported operand")

    monkeypatch.setattr(where, fail)
    assert hook.hook(event, "wan0", {"DUALWAN_CONFIG": str(config)}) == code
    sentence = "unexpected TypeError: unsupported operand; please report it"
    assert log == [f"{sentence} (cause={Event(event).label})"]
    assert capsys.readouterr().err == f"dualwan-hook: {sentence}\n"


def test_a_log_that_is_broken_too_is_still_zero(config, be, monkeypatch, capsys):
    """Where structlog cannot even be loaded, ifup's user reads it at least."""
    be(Broken)
    monkeypatch.setitem(sys.modules, "dualwan.log", None)
    assert hook.hook("up", "wan0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert "please report it" in capsys.readouterr().err


def test_the_deadline_is_taken_away_after_a_bug(config, be, log, deadlines):
    """Whoever called the hook is not ended by its alarm."""
    be(Broken)
    assert hook.hook("up", "wan0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert deadlines == [60, "over"]
    assert len(log) == 1


@pytest.mark.parametrize(
    ("interface", "text", "may"),
    [
        ("wan0", 'interface = "wan0"', True),
        ("wan0", 'interface = "\\u0077an0"', True),  # as TOML may write it
        ("wan0", "interface = '''wan1'''", False),
        ("ppp0", "", True),  # the default of pppoe.interface
        ("ppp1", "", False),
        ("", 'interface = ""', False),
        ("", "\\", False),
    ],
)
def test_whom_a_configuration_may_concern(interface, text, may):
    """Whoever stands in it, however it is written; never wrongly no."""
    assert hook.may_concern(interface, text) is may


def test_an_interface_in_escapes_is_ours(config, be, log):
    """The configuration says which it is, once it is read."""
    config.write_text(BASE.replace('"wan0"', '"\\u0077an0"'))
    machine = be()
    assert "wan0" not in config.read_text()
    assert hook.hook("pre-up", "wan0", {"DUALWAN_CONFIG": str(config)}) == 0
    assert machine.applied
    assert log

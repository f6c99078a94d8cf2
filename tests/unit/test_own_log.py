"""The log, read back from the journal."""

import json

import pytest

from dualwan.errors import HostError
from dualwan.host import own_log, program
from dualwan.model.log import LogLine

LINE = {
    "__REALTIME_TIMESTAMP": "1764126000500000",
    "SYSLOG_PID": "812",
    "PRIORITY": "6",
    "MESSAGE": "+ rule (cause=ppp-up slice=pbr)",
}


@pytest.fixture
def journal(monkeypatch):
    """Let journalctl say this; return what it is called with."""
    called = []

    def let(code=0, said="", complaint=""):
        def output(argv):
            called.append(argv)
            if code is None:
                raise HostError("journalctl is not installed")
            return code, said, complaint

        monkeypatch.setattr(program, "output", output)
        return called

    return let


def lines(*changes):
    """Return lines of the journal, each LINE with changes."""
    return "".join(json.dumps({**LINE, **one}) + "\n" for one in changes)


def test_lines_have_time_process_and_level(journal):
    """Errors are told from the rest."""
    called = journal(said=lines({}, {"PRIORITY": "3", "MESSAGE": "no"}, {"PRIORITY": "4"}))
    first, second, third = own_log.lines()
    assert first == LogLine(1764126000.5, 812, False, "+ rule (cause=ppp-up slice=pbr)")
    assert (second.error, second.text, third.error) == (True, "no", False)
    assert called[0][:6] == ("journalctl", "-b", "-q", "-t", "dualwan-hook", "-o")


def test_a_line_of_another_form_is_left_out(journal):
    """Bytes that are no text are read as far as they are."""
    strange = [{"MESSAGE": None}, {"MESSAGE": [104, 105, 255]}, {"PRIORITY": "x"}]
    journal(said="nothing\n[]\n" + lines(*strange, {"SYSLOG_PID": None, "_PID": "5"}))
    assert [(one.process, one.text[:2]) for one in own_log.lines()] == [
        (812, "No"),
        (812, "hi"),
        (5, "+ "),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"code": None},
        {"code": 1},
        {"complaint": "No journal files were opened due to insufficient permissions."},
    ],
)
def test_what_cannot_be_read_is_none(journal, answer):
    """No journal, an error, or no permission."""
    journal(**answer)
    assert own_log.lines() is None


def test_an_empty_log_is_empty(journal):
    """Nothing was logged since boot."""
    journal()
    assert own_log.lines() == ()

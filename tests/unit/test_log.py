import os
import syslog

import pytest

from dualwan import log
from dualwan.supervisor import log_plainly


@pytest.fixture
def lines(monkeypatch):
    """Collect what goes to syslog."""
    found = []
    monkeypatch.setattr(syslog, "syslog", lambda level, line: found.append((level, line)))
    return found


def test_a_line_is_a_sentence_and_its_context(lines):
    """The sentence comes first, then what belongs to it, in a steady order."""
    log.logger(slice="pbr", cause="ppp-up").info("+ rule 100")
    assert lines == [(syslog.LOG_INFO, "+ rule 100 (cause=ppp-up slice=pbr)")]


def test_levels_are_syslogs(lines):
    """What went wrong can be found by its level."""
    log.logger().error("no")
    log.logger().warning("well")
    assert lines == [(syslog.LOG_ERR, "no"), (syslog.LOG_WARNING, "well")]


def test_a_percent_sign_is_no_format(lines):
    """Text from outside stands in the log as it came."""
    log.logger(cause="%s").error("100 %d {x}")
    assert lines == [(syslog.LOG_ERR, "100 %d {x} (cause=%s)")]


def test_a_name_that_is_no_utf_8_is_in_the_log(monkeypatch):
    """As of a file from a machine with another code; syslog(3) of Python refuses it as it is."""
    found = []
    monkeypatch.setattr(syslog, "syslog", lambda _, line: found.append(line.encode()))
    log.logger().error(f"{os.fsdecode(b'50-' + 'メモ'.encode('euc-jp'))} is not run")
    log_plainly("no module \udce3")
    assert found[0].startswith(rb"50-\udca5\udce1")
    assert found[1] == rb"no module \udce3"

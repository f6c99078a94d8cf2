"""The program that closes the machine without the package's help, as the command runs it."""

import pytest

from dualwan import paths
from dualwan.host import closing


@pytest.mark.parametrize(("code", "may_come_up"), [(0, True), (1, False), (2, False)])
def test_it_is_told_the_event_the_interface_and_the_file(
    tmp_path, monkeypatch, capsys, code, may_come_up
):
    """As the hooks tell it; what it says is passed on, and its code decides."""
    program = tmp_path / "close"
    program.write_text(f'#!/bin/sh\nprintf "<%s>" "$@" >&2\nexit {code}\n')
    program.chmod(0o755)
    monkeypatch.setattr(paths, "CLOSE", str(program))
    assert closing.close("pre-up", "wan0", "/etc/other.toml") is may_come_up
    assert capsys.readouterr().err == "<pre-up><wan0></etc/other.toml>\n"


def test_where_it_is_not_there_the_interface_stays_down(tmp_path, monkeypatch, capsys):
    """What cannot be closed is not opened, with the reason."""
    monkeypatch.setattr(paths, "CLOSE", str(tmp_path / "close"))
    assert closing.close("boot", "", "") is False
    assert capsys.readouterr().err.startswith("dualwan-hook: ")

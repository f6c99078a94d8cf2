"""Who reads what a command says has seen enough, or is gone: the command does what it was told."""

import os
import sys

import pytest
from config_texts import WRONG
from init_command import NAMED, init_path, init_run

from dualwan import cli
from dualwan.commands import init

__all__ = ["init_path", "init_run"]  # fixtures


@pytest.fixture(name="nobody")
def _nobody(monkeypatch):
    """Return a function that lets "stdout" or "stderr" be a pipe whose reader has closed it."""
    kept = []

    def nobody(name):
        reading, writing = os.pipe()
        os.close(reading)
        kept.append(os.fdopen(writing, "w", buffering=1))
        monkeypatch.setattr(sys, name, kept[-1])

    yield nobody
    for one in kept:
        one.close()


def test_a_plan_that_is_not_read_to_its_end_has_its_code(nobody, config, machine):
    """`dualwan-hook --dry-run --exit-code | head -1` in a script with pipefail."""
    assert (config.exists(), machine.applied) == (True, [])
    nobody("stdout")
    assert cli.main(["--dry-run", "--exit-code"]) == 1


def test_a_diagnosis_that_is_not_read_to_its_end_has_its_code(nobody, config, monkeypatch):
    """`dualwan-hook doctor | head -1 || mail`: not well is not well."""
    assert config.exists()
    monkeypatch.setattr("dualwan.inspection.doctor", lambda *_, **__: ("failed  device\n", False))
    nobody("stdout")
    assert cli.main(["doctor"]) == 1


def test_a_status_again_and_again_ends_with_its_reader(nobody, config, machine, monkeypatch):
    """`dualwan-hook status --watch | head -5`."""
    assert (config.exists(), machine.applied) == (True, [])
    monkeypatch.setattr("dualwan.inspection.status", lambda *_: "works")
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it goes on for nobody"))
    nobody("stdout")
    assert cli.main(["status", "--watch"]) == 0


def test_a_complaint_that_nobody_reads_keeps_nothing_from_being_done(nobody, config, machine):
    """`apt remove` from a terminal that is gone: the configuration is wrong, and all goes down."""
    assert cli.main([]) == 0
    config.write_text(WRONG)
    nobody("stderr")
    assert cli.main(["down"]) == 0
    assert machine.state.tables == ()


def test_an_error_that_nobody_reads_has_its_code(nobody, config):
    """And no traceback takes its place."""
    config.write_text(WRONG)
    nobody("stderr")
    assert cli.main(["check"]) == 3


def test_a_first_configuration_is_written_whoever_reads(nobody, run, path, monkeypatch):
    """`dualwan-hook init --yes ... | head -3`: it said 0, and had written nothing."""
    assert run
    monkeypatch.setattr(init, "_is_terminal", lambda: False)
    nobody("stdout")
    assert cli.main(["init", *NAMED]) == 0
    assert path.exists()


def test_what_belongs_to_a_closed_standard_error_is_not_the_answer(monkeypatch, capsys):
    """Python has None for it, and prints to standard output then."""
    monkeypatch.setattr(sys, "stderr", None)
    assert cli.main(["mape", "2001:db8::1"]) == 3
    assert capsys.readouterr().out == ""


def test_nobody_is_asked_by_a_closed_standard_input(monkeypatch):
    """Python has None for it too."""
    monkeypatch.setattr(sys, "stdin", None)
    assert not init._is_terminal()  # noqa: SLF001 - whether there is a person

"""The command init without a machine: a person who answers, and a path that is not there."""

import pytest
from init_cases import Person

from dualwan import cli
from dualwan.commands import init
from dualwan.model.setup import Nic, SetupMachine

MACHINE = SetupMachine(
    nics=(
        Nic("enp1s0", carrier=True, prefixes=("240b:13:1a65:a100::/64",), hears=True),
        Nic("enp3s0", addresses=("192.168.1.1/24",)),
    ),
    peers=("dsl-provider",),
)
NAMED = ("--wan", "enp1s0", "--lan", "enp3s0")


@pytest.fixture(name="path")
def init_path(tmp_path, monkeypatch):
    """Return the path of a configuration that is not there."""
    path = tmp_path / "dualwan" / "dualwan.toml"
    monkeypatch.setenv("DUALWAN_CONFIG", str(path))
    return path


@pytest.fixture(name="run")
def init_run(path, monkeypatch, capsys):
    """Return a function that runs init; ``answers``: those of a person at a terminal."""
    assert path
    monkeypatch.setattr("dualwan.inspection.findings_in_files", lambda _config: ())
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: MACHINE)

    def run(*argv, answers=None):
        person = Person(answers or ())
        if answers is not None:
            monkeypatch.setattr(init, "Terminal", lambda: person)
        monkeypatch.setattr(init, "_is_terminal", lambda: answers is not None)
        try:
            code = cli.main(["init", *argv])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out + "\n".join(person.shown), err

    return run


def names(folder):
    """Return the names of the files in ``folder``."""
    return sorted(one.name for one in folder.iterdir())

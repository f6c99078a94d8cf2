"""The log, the command on a machine in memory, and Hypothesis, in CI with the same examples."""

import os
import time
from functools import cache

import init_cases
import pytest
from config_texts import WRONG
from hypothesis import settings
from japanese import JAPANESE, compiled
from machine import BASE, Machine

from dualwan import catalogue, cli
from dualwan.config import load
from dualwan.host import last_good
from dualwan.host.notice import handover
from dualwan.slices import snat

settings.register_profile("dualwan", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("dualwan")

# A pure function of a configuration that never changes, which thousands of runs ask again.
snat.wanted_table = cache(snat.wanted_table)


@pytest.fixture(name="log")
def _log(monkeypatch):
    """Collect what would go to syslog."""
    lines = []
    monkeypatch.setattr("syslog.syslog", lambda _level, line: lines.append(line))
    return lines


@pytest.fixture(name="said")
def _said(monkeypatch):
    """Return the sentences that go to the log for a person to read."""
    sentences = []
    monkeypatch.setattr(
        "dualwan.handle.run.tell", lambda _event, sentence: sentences.append(sentence)
    )
    for module in ("dualwan.handle", "dualwan.handle.line"):
        monkeypatch.setattr(f"{module}.fail", lambda _event, error: sentences.append(str(error)))
    return sentences


@pytest.fixture(name="tokyo")
def _tokyo(monkeypatch):
    """Let the time of day be that of Japan."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(name="config")
def _config(tmp_path, monkeypatch):
    """Return the path of the configuration in use."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    monkeypatch.setenv("DUALWAN_CONFIG", str(path))
    return path


@pytest.fixture(name="state_folder")
def _state_folder(tmp_path, monkeypatch):
    """Return a folder of its own in place of /var/lib/dualwan."""
    folder = tmp_path / "lib"
    monkeypatch.setenv("DUALWAN_STATE", str(folder))
    return folder


@pytest.fixture(name="kept")
def _kept(config, state_folder):
    """Return the path of a configuration that is kept below ``state_folder``, and wrong now."""
    assert not state_folder.exists()
    last_good.save(last_good.encode(load(config)))
    config.write_text(WRONG)
    return config


@pytest.fixture(name="machine")
def _machine(monkeypatch):
    """Let the command act on a machine in memory; the log goes nowhere."""
    machine = Machine("wan0", "lan0")
    monkeypatch.setattr("dualwan.host.kernel.KernelHost", lambda: machine)
    monkeypatch.setattr("syslog.syslog", lambda *_: None)
    return machine


@pytest.fixture(name="run")
def _run(config, machine, capsys):
    """Return a function that runs the command and returns exit code, output and errors."""
    assert config
    assert machine

    def run(*argv):
        try:
            code = cli.main(argv)
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(name="place")
def _place(tmp_path, monkeypatch):
    """Return the folder of the scripts; the run directory is a fresh one."""
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "run"))
    place = tmp_path / "hooks.d"
    place.mkdir(mode=0o755)
    return place


@pytest.fixture(name="started")
def _started(monkeypatch):
    """Count the runners instead of starting them."""
    started = []
    monkeypatch.setattr(handover, "start", lambda: started.append(1))
    return started


@pytest.fixture(name="compiled_catalogues", scope="session")
def _compiled_catalogues(tmp_path_factory):
    """Return the folder of the catalogues, made of this checkout's."""
    return compiled(tmp_path_factory.mktemp("locale"))


@pytest.fixture(name="japanese_catalogue")
def _japanese_catalogue(compiled_catalogues, monkeypatch):
    """Let the catalogues be found; return their folder."""
    monkeypatch.setattr(catalogue, "FOLDERS", [compiled_catalogues])
    yield compiled_catalogues
    catalogue.end()


@pytest.fixture(name="japanese")
def _japanese(japanese_catalogue):
    """Let a person who reads Japanese be at the terminal."""
    assert japanese_catalogue
    return catalogue.begin(JAPANESE, "utf-8")


@pytest.fixture(name="talk")
def _talk(monkeypatch, tmp_path):
    """Return a function that has a person of a case run init; returns what was shown, and files."""
    path = tmp_path / "etc" / "dualwan.toml"
    monkeypatch.setenv("DUALWAN_CONFIG", str(path))
    monkeypatch.setattr("dualwan.inspection.findings_in_files", lambda _config: ())

    def run(case):
        person = init_cases.Person(case.data.get("answers", []))
        machine = case.machine
        on_disk = {}
        for one in machine.interfaces:
            on_disk[one.path] = tmp_path / one.path.rsplit("/", 1)[-1]
            on_disk[one.path].write_text(one.text)
        monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: machine)
        monkeypatch.setattr("dualwan.commands.init.Terminal", lambda: person)
        monkeypatch.setattr("dualwan.commands.init.Path", lambda text: on_disk.get(text, tmp_path))
        monkeypatch.setattr("dualwan.commands.init._is_terminal", lambda: True)
        code = cli.main(["init", *case.data.get("options", [])])
        text = "".join(f"{line}\n" for line in person.shown)
        for name, place in on_disk.items():
            text = text.replace(str(place), name)
        text = text.replace(str(path), init_cases.WHERE).replace(f"{tmp_path}/", "/etc/network/")
        assert not person.answers, "there were more answers than questions"
        return code, text, path, on_disk

    return run

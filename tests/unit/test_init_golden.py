"""The dialogues of `dualwan-hook init`, as a person sees them: tests/golden/init."""

import difflib
import os

import pytest
from init_cases import EXAMPLE, WHERE, Person, cases

from dualwan import cli, config

WRITE = bool(os.environ.get("DUALWAN_WRITE_GOLDEN"))
CASES = cases()


@pytest.fixture(name="talk")
def _talk(monkeypatch, tmp_path):
    """Return a function that has a person of a case run init; returns what was shown, and files."""
    path = tmp_path / "etc" / "dualwan.toml"
    monkeypatch.setenv("DUALWAN_CONFIG", str(path))
    monkeypatch.setattr("dualwan.inspection.findings_in_files", lambda _config: ())

    def run(case):
        person = Person(case.data.get("answers", []))
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
        text = text.replace(str(path), WHERE).replace(f"{tmp_path}/", "/etc/network/")
        assert not person.answers, "there were more answers than questions"
        return code, text, path, on_disk

    return run


def _compare(path, text):
    if WRITE:
        path.unlink(missing_ok=True)
        if text:
            path.write_text(text)
    assert text == (path.read_text() if path.exists() else "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_dialogue_is_as_written_down(case, talk, tmp_path):
    """All that is shown and asked, and what the file has that the example has not."""
    code, shown, path, on_disk = talk(case)
    assert code == 0
    _compare(case.folder / "dialogue.txt", shown)
    written = path.read_text() if path.exists() else ""
    difference = difflib.unified_diff(
        EXAMPLE.splitlines(), written.splitlines(), "etc/dualwan.toml", WHERE, "", "", 0, ""
    )
    _compare(case.folder / "dualwan.diff", "".join(f"{line}\n" for line in difference if written))
    if written:
        config.load(path, tmp_path / "rules.d", asked=True)
        assert path.stat().st_mode & 0o777 == 0o644
    assert len(shown.splitlines()) < 300
    for one in case.machine.interfaces:
        kept = tmp_path / f"{one.path.strip('/').replace('/', '+')}.before-init"
        edited = on_disk[one.path].read_text()
        assert (edited != one.text) == ("--edit-interfaces" in case.data.get("options", []))
        assert edited == one.text or any(
            copy.read_text() == one.text for copy in tmp_path.glob("*.before-init")
        ), kept


def test_each_case_says_what_it_is_about():
    """In one sentence, and each has a dialogue."""
    for case in CASES:
        assert case.data["about"].endswith(".")
        assert (case.folder / "dialogue.txt").exists()

"""The dialogues of `dualwan-hook init`, as a person sees them: tests/golden/init."""

import difflib

import pytest
from golden_cases import compare
from init_cases import EXAMPLE, WHERE, cases

from dualwan import config

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_dialogue_is_as_written_down(case, talk, tmp_path):
    """All that is shown and asked, and what the file has that the example has not."""
    code, shown, path, on_disk = talk(case)
    assert code == 0
    compare(case.folder / "dialogue.txt", shown)
    written = path.read_text() if path.exists() else ""
    difference = difflib.unified_diff(
        EXAMPLE.splitlines(), written.splitlines(), "etc/dualwan.toml", WHERE, "", "", 0, ""
    )
    compare(case.folder / "dualwan.diff", "".join(f"{line}\n" for line in difference if written))
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

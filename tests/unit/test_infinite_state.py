"""A number in a file of the run directory that is not one, as JSON of Python's has it."""

import json

import pytest

from dualwan.host import records, run_files, store
from dualwan.model.observed import TableId
from dualwan.model.state import RunState

TABLE = TableId("ip", "dualwan_snat")


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    """Return the run directory."""
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e999", "NaN"])
def test_a_generation_without_end_is_a_broken_file(folder, number):
    """The state is empty then, as if there were no file."""
    text = json.dumps(store.encode(RunState(wanted=True, generation=7)))
    (folder / run_files.STATE).write_text(text)
    assert store.load_state().wanted
    (folder / run_files.STATE).write_text(text.replace("7}", f"{number}}}"))
    assert store.load_state() == RunState()


@pytest.mark.parametrize("number", ["Infinity", "1e999", "NaN"])
def test_a_record_without_end_is_none(folder, number):
    """Neither that of a loaded table nor that of one that was to be loaded."""
    (folder / records.TABLES).mkdir()
    for end in (".json", ".expected.json"):
        path = folder / records.TABLES / f"{TABLE.name}{end}"
        path.write_text(f'{{"family": "ip", "blocks": [], "generation": {number}}}')
    assert records.load(TABLE) is None
    assert records.expected(TABLE) is None

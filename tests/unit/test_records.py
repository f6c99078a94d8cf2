"""The records of the nft tables that were loaded, in the run directory."""

import json
import os
from dataclasses import replace

import pytest

from dualwan.errors import HostError
from dualwan.host import records, store
from dualwan.host.records import Record
from dualwan.model.observed import TableId
from dualwan.model.state import RunState
from dualwan.nft.table import NftTable, chain, counter

TABLE = NftTable("ip", "t", (counter("lost"), chain("a", "drop", comment="why")))
OLD = {"tables": {"t": [TABLE.source(), "listed"], "torn": ["", ""]}}  # of 0.1.0
T = TableId("ip", "t")
RECORD = Record(TABLE, digest="handles", stamp="stamp")
EXPECTED = Record(TABLE, stamp="other", generation=7)


@pytest.fixture(name="directory", autouse=True)
def _directory(tmp_path, monkeypatch):
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path))
    return tmp_path


def test_a_record_is_kept():
    """With the blocks as they were loaded, and what tells whether they still stand."""
    records.save(RECORD)
    assert records.load(T) == RECORD
    assert records.load(TableId("ip", "u")) is None


def test_what_is_expected_is_kept_beside_it():
    """Until it is loaded, given up, or removed; the record of what stands is another one."""
    records.save(RECORD)
    for end in (
        lambda: records.save(RECORD),
        lambda: records.give_up("t"),
        lambda: records.forget("t"),
    ):
        records.expect(EXPECTED)
        assert records.expected(T) == EXPECTED
        assert records.load(T) == RECORD
        assert records.all_expected() == [T]
        end()
        assert records.expected(T) is None
        assert records.all_expected() == []
    assert records.load(T) is None
    records.forget("t")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"blocks": 7}', '{"blocks": [[]]}', "{}"])
def test_a_broken_record_is_none(directory, text):
    """As if the table had never been loaded by us."""
    records.save(RECORD)
    records.expect(EXPECTED)
    for path in (directory / records.TABLES).iterdir():
        path.write_text(text)
    assert records.load(T) is None
    assert records.expected(T) is None
    assert records.all_expected() == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: (path.unlink(), os.mkfifo(path)),
        lambda path: path.symlink_to(path.rename(path.with_name("elsewhere"))),
        lambda path: path.chmod(0o666),
        lambda path: os.chown(path, 65534, 65534),
    ],
)
def test_a_record_that_others_can_have_written_is_none(directory, spoil):
    """And nothing waits for it."""
    records.save(RECORD)
    spoil(directory / records.TABLES / "t.json")
    assert records.load(T) is None


def test_the_tables_of_0_1_0_are_taken_over(directory):
    """Before the first write as after it: what packets have put into their sets is kept."""
    (directory / store.NAME).write_text(json.dumps(OLD))
    old = Record(TABLE, listing=records.digest("listed"))
    assert records.load(T) == old
    assert records.load(TableId("ip", "torn")) is None
    store.save_state(RunState())
    assert records.load(T) == old
    records.save(RECORD)
    assert records.load(T) == RECORD


def full(*_):
    """Have no room."""
    raise OSError(28, "No space left on device")


def test_a_take_over_that_is_cut_short_begins_anew(directory, monkeypatch):
    """The disk is full after one of two tables: the other is not forgotten by the next run."""
    old = {"tables": {"t": OLD["tables"]["t"], "u": OLD["tables"]["t"]}}
    (directory / store.NAME).write_text(json.dumps(old))
    put, written = os.replace, []

    def once(*paths):
        if written:
            full()
        written.append(paths)
        put(*paths)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", once)
        with pytest.raises(HostError, match="No space left on device"):
            store.save_state(RunState(wanted=True))
    store.save_state(RunState(wanted=True))
    assert records.load(T).table == TABLE
    assert records.load(TableId("ip", "u")).table == replace(TABLE, name="u")


@pytest.mark.parametrize("family", ["ip", "ip6", "inet"])
def test_what_a_killed_run_was_about_to_load_is_known_by_its_family(family):
    """Each that a table of nft with addresses can have."""
    records.expect(Record(replace(TABLE, family=family), stamp="s"))
    assert records.all_expected() == [TableId(family, "t")]

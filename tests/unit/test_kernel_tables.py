"""How the real host loads, records and removes its nft tables, with nft itself replaced."""

import os
from dataclasses import replace

import pytest
from nft_double import OTHER, READS, TABLE, installed

from dualwan.errors import HostError, KernelError, RecordError
from dualwan.host import kernel, nft_handles, records
from dualwan.host.nft_handles import Seen
from dualwan.model.observed import Reads, TableId
from dualwan.model.plan import Action, Step
from dualwan.nft.table import NftTable


@pytest.fixture(name="nft", autouse=True)
def _nft(tmp_path, monkeypatch):
    return installed(monkeypatch, tmp_path / "run")


@pytest.fixture(name="run_directory")
def _run_directory(tmp_path):
    return tmp_path / "run"


@pytest.fixture(name="host")
def _host(nft):
    del nft
    return kernel.KernelHost()


def test_a_table_that_was_loaded_is_seen_as_it_was_given(host, nft):
    """Until something in it has another handle."""
    host.apply(Step(Action.ADD, TABLE))
    assert host.observe(READS).tables == (TABLE,)
    nft.change()
    assert host.observe(READS).tables == (replace(TABLE, intact=False),)


def test_what_nft_prints_does_not_matter(host, nft):
    """An upgrade of nft under a running line leaves every table as it is."""
    host.apply(Step(Action.ADD, TABLE))
    nft.listed = "in other words"
    nft.generation += 1
    assert kernel.KernelHost().observe(READS).tables == (TABLE,)


def test_while_nobody_changes_any_rule_no_table_is_read(host, nft):
    """In the run that loaded it, in the next one, and where others change theirs it is."""
    host.apply(Step(Action.ADD, TABLE))
    before = nft.looks
    with host.lock(1):
        assert host.observe(READS).tables == (TABLE,)
    assert kernel.KernelHost().observe(READS).tables == (TABLE,)
    assert nft.looks == before
    nft.generation += 1
    for _ in range(2):  # nothing is written without the lock
        assert kernel.KernelHost().observe(READS).tables == (TABLE,)
    assert nft.looks == before + 2


def test_in_another_network_namespace_the_tables_are_read(host, nft, monkeypatch):
    """The generation of one says nothing about another."""
    with host.lock(1):
        host.apply(Step(Action.ADD, TABLE))
        host.observe(READS)
    monkeypatch.setattr(nft_handles, "namespace", lambda: 1)
    nft.seen = None
    assert kernel.KernelHost().observe(READS).tables == ()


@pytest.mark.parametrize("broken", ["", "[]", '{"namespace": 1}', "\0"])
def test_a_broken_note_of_what_was_seen_is_none(host, nft, run_directory, broken):
    """The tables are read."""
    host.apply(Step(Action.ADD, TABLE))
    (run_directory / "seen.json").write_text(broken)
    nft.seen = None
    assert kernel.KernelHost().observe(READS).tables == ()


def test_what_another_program_changes_meanwhile_is_looked_at(host, nft, monkeypatch):
    """Then what was known of the other tables does not hold any longer."""
    host.apply(Step(Action.ADD, TABLE))
    load = nft.load

    def late(table, old):
        nft.generation += 1
        load(table, old)

    monkeypatch.setattr(nft, "load", late)
    monkeypatch.setattr(
        nft_handles,
        "look",
        lambda tables: (
            nft.generation,
            {one: nft.seen if one.name == "t" else Seen("u") for one in tables},
        ),
    )
    reads = Reads(tables=(TableId("ip", "t"), TableId("ip", "u")))
    host.observe(reads)
    host.apply(Step(Action.CHANGE, OTHER, TABLE))
    monkeypatch.setattr(nft_handles, "look", lambda tables: (nft.generation, dict.fromkeys(tables)))
    assert host.observe(reads).tables == ()


@pytest.mark.parametrize("intact", [True, False])
def test_what_stood_there_counts_only_if_it_is_intact(host, nft, intact):
    """Otherwise nft replaces the whole table."""
    before = replace(OTHER, intact=intact)
    host.apply(Step(Action.CHANGE, TABLE, before))
    assert nft.loaded == [(TABLE, before if intact else None)]


def test_a_table_that_is_gone_is_forgotten(host, nft):
    """What somebody loads under its name later is not ours."""
    host.apply(Step(Action.ADD, TABLE))
    host.apply(Step(Action.REMOVE, TABLE))
    assert host.observe(READS).tables == ()
    nft.change()
    assert host.observe(READS).tables == (NftTable("ip", "t", intact=False),)


def test_a_table_that_cannot_be_recorded_is_loaded_all_the_same(host, nft, run_directory):
    """The error says so by its kind, so that the step counts as done."""
    run_directory.write_text("no directory")
    with pytest.raises(RecordError, match=r"/run/tables/t\.json: "):
        host.apply(Step(Action.ADD, TABLE))
    assert nft.loaded == [(TABLE, None)]
    assert host.observe(READS).tables == (NftTable("ip", "t", intact=False),)


def test_a_record_that_cannot_be_removed_is_told(host, nft, run_directory):
    """Likewise: the table is gone."""
    host.apply(Step(Action.ADD, TABLE))
    record = run_directory / records.TABLES / "t.json"
    record.unlink()
    record.mkdir()
    with pytest.raises(RecordError, match=r"t\.json: Is a directory"):
        host.apply(Step(Action.REMOVE, TABLE))
    assert nft.seen is None


def test_a_table_that_nft_refuses_is_not_recorded(host, nft, monkeypatch):
    """The error is the kernel's, and nothing is kept."""

    def refuse(_table, _old):
        raise KernelError("nft table ip t: no")

    monkeypatch.setattr(nft, "load", refuse)
    with pytest.raises(KernelError, match=r"^nft table ip t: no$") as raised:
        host.apply(Step(Action.ADD, TABLE))
    assert not isinstance(raised.value, RecordError)
    assert records.expected(READS.tables[0]) is None
    nft.change()
    assert host.observe(READS).tables == (NftTable("ip", "t", intact=False),)


def test_what_a_killed_run_was_about_to_load_is_forgotten(host, nft, monkeypatch):
    """The kernel never had it: the table is the one of before, and nothing is left."""
    host.apply(Step(Action.ADD, TABLE))

    def killed(_table, _old):
        raise KeyboardInterrupt

    load = nft.load
    monkeypatch.setattr(nft, "load", killed)
    with pytest.raises(KeyboardInterrupt):
        host.apply(Step(Action.CHANGE, OTHER, TABLE))
    monkeypatch.setattr(nft, "load", load)
    assert records.expected(READS.tables[0]) is not None
    another = kernel.KernelHost()
    assert another.observe(READS).tables == (TABLE,)
    assert records.expected(READS.tables[0]) is not None, "another run may be about to load it"
    with another.lock(1):
        assert another.observe(READS).tables == (TABLE,)
    assert records.expected(READS.tables[0]) is None
    assert records.all_expected() == []


def test_tables_that_nft_hides_are_not_seen(host, nft, monkeypatch):
    """None, which is something else than no table."""
    del nft

    def hide(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(nft_handles, "generation", hide)
    monkeypatch.setattr(nft_handles, "look", hide)
    assert host.observe(READS).tables is None
    with pytest.raises(KernelError, match=r"^nft table ip t: Operation not permitted$"):
        host.apply(Step(Action.ADD, TABLE))


def test_tables_that_cannot_be_read_are_an_error(host, nft, monkeypatch):
    """The kernel's own, with its subject."""
    del nft

    def fail(*_arguments):
        raise TimeoutError("timed out")

    monkeypatch.setattr(nft_handles, "look", fail)
    with pytest.raises(KernelError, match=r"^nft tables: timed out$"):
        host.observe(READS)


def test_changing_anything_needs_root(host, nft, monkeypatch):
    """Said before anything is tried."""
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(HostError, match=r"^nft table ip t: changing anything needs root$"):
        host.apply(Step(Action.ADD, TABLE))
    assert nft.loaded == []


def test_a_table_without_a_stamp_is_not_taken_for_one_that_has_it(host, nft, monkeypatch):
    """As one of 0.1.0: a transaction that removes the old stamp would be refused."""
    given = []
    monkeypatch.setattr(nft, "load", lambda _table, old: given.append(old))
    for stamp, more in ((b"", []), (b"by dualwan-hook, x", ["loaded"])):
        nft.seen, nft.generation = Seen("handles", stamp), nft.generation + 1
        host.apply(Step(Action.CHANGE, TABLE, OTHER))
        assert [one.name for one in given.pop().blocks] == ["c", "a", *more]

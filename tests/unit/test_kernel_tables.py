"""How the real host loads, records and removes its nft tables, with nft itself replaced."""

import os
from dataclasses import replace

import pytest

from dualwan.errors import HostError, KernelError, RecordError
from dualwan.host import kernel, store
from dualwan.host.nft import NotPermitted
from dualwan.model.observed import Reads, TableId
from dualwan.model.plan import Action, Step
from dualwan.nft.table import NftTable, base_chain, counter

HOOK = "type filter hook input priority filter; policy drop;"
TABLE = NftTable("ip", "t", (base_chain("a", HOOK, "drop"),))
OTHER = NftTable("ip", "t", (counter("c"), base_chain("a", HOOK, "accept")))
READS = Reads(tables=(TableId("ip", "t"),))


class Nft:
    """What nft was asked for, and how it lists the one table."""

    def __init__(self):
        self.loaded, self.listed = [], ""

    def load(self, table, old):
        """Note both, and list the table from now on."""
        self.loaded.append((table, old))
        self.listed = table.source()

    def remove(self, _family, _name):
        """List nothing from now on."""
        self.listed = ""

    def listing(self, _family, _name, _filled):
        """Return what nft lists."""
        return self.listed


@pytest.fixture(name="run_directory", autouse=True)
def _run_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "run"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "run"


@pytest.fixture(name="nft")
def _nft(monkeypatch):
    made = Nft()
    monkeypatch.setattr(kernel, "Nft", lambda: made)
    return made


@pytest.fixture(name="host")
def _host(nft):
    del nft
    return kernel.KernelHost()


def test_a_table_that_was_loaded_is_seen_as_it_was_given(host, nft):
    """Until nft lists something else."""
    host.apply(Step(Action.ADD, TABLE))
    assert host.observe(READS).tables == (TABLE,)
    nft.listed += "\tedited\n"
    assert host.observe(READS).tables == (replace(TABLE, intact=False),)


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
    nft.listed = TABLE.source()
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
    record = run_directory / store.TABLES / "t.json"
    record.unlink()
    record.mkdir()
    with pytest.raises(RecordError, match=r"t\.json: Is a directory"):
        host.apply(Step(Action.REMOVE, TABLE))
    assert nft.listed == ""


def test_a_table_that_nft_refuses_is_not_recorded(host, nft, monkeypatch):
    """The error is the kernel's, and nothing is kept."""

    def refuse(_table, _old):
        raise KernelError("nft table ip t: no")

    monkeypatch.setattr(nft, "load", refuse)
    with pytest.raises(KernelError, match=r"^nft table ip t: no$") as raised:
        host.apply(Step(Action.ADD, TABLE))
    assert not isinstance(raised.value, RecordError)
    nft.listed = TABLE.source()
    assert host.observe(READS).tables == (NftTable("ip", "t", intact=False),)


def test_tables_that_nft_hides_are_not_seen(host, nft, monkeypatch):
    """None, which is something else than no table."""

    def hide(*_arguments):
        raise NotPermitted

    monkeypatch.setattr(nft, "listing", hide)
    assert host.observe(READS).tables is None


def test_changing_anything_needs_root(host, nft, monkeypatch):
    """Said before anything is tried."""
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(HostError, match=r"^nft table ip t: changing anything needs root$"):
        host.apply(Step(Action.ADD, TABLE))
    assert nft.loaded == []

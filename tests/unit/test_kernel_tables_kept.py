"""What is known of a table whose run was killed, or that an earlier version has loaded."""

import json
from dataclasses import replace

import pytest
from nft_double import OTHER, READS, TABLE, installed

from dualwan.errors import RecordError
from dualwan.host import kernel, nft_handles, records
from dualwan.model.observed import Reads, TableId
from dualwan.model.plan import Action, Step
from dualwan.nft import stored


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


# --- a run that is killed ---------------------------------------------------------------------


@pytest.fixture(name="killed")
def _killed(host, nft, monkeypatch):
    """Return a function that loads a table, and ends before it is recorded."""

    def load(table, was=None):
        step = Step(Action.CHANGE if was else Action.ADD, table, was)
        with monkeypatch.context() as patch:
            patch.setattr(records, "save", _kill)
            with pytest.raises(KilledError):
                host.apply(step)
        assert nft.loaded[-1][0] == table

    return load


class KilledError(BaseException):
    """The process is gone."""


def _kill(*_):
    raise KilledError


def test_a_table_whose_run_was_killed_is_known(host, killed):
    """It carries the stamp that was noted before; nobody has changed anything since."""
    host.apply(Step(Action.ADD, OTHER))
    killed(TABLE, OTHER)
    for _ in range(2):  # a dry run writes nothing
        assert kernel.KernelHost().observe(READS).tables == (TABLE,)
    after = kernel.KernelHost()
    with after.lock(1):
        assert after.observe(READS).tables == (TABLE,)


def test_a_table_whose_run_was_killed_is_known_later(nft, killed):
    """The next run records it, whatever it is about; then it is one like all others."""
    killed(TABLE)
    after = kernel.KernelHost()
    with after.lock(1):
        assert after.observe(Reads(tables=(TableId("ip", "u"),))).tables is not None
    nft.generation += 1
    assert kernel.KernelHost().observe(READS).tables == (TABLE,)


def test_a_table_that_was_changed_after_its_run_was_killed_is_loaded_anew(nft, killed):
    """Whether it was that table or another one is not known."""
    killed(TABLE)
    nft.change()
    assert kernel.KernelHost().observe(READS).tables == (replace(TABLE, intact=False),)


def test_a_run_that_was_killed_before_it_loaded_changes_nothing(host, nft, monkeypatch):
    """What stood there before still stands, as it was recorded."""
    host.apply(Step(Action.ADD, OTHER))
    with monkeypatch.context() as patch:
        patch.setattr(nft, "load", _kill)
        with pytest.raises(KilledError):
            host.apply(Step(Action.CHANGE, TABLE, OTHER))
    assert kernel.KernelHost().observe(READS).tables == (OTHER,)
    nft.generation += 1
    assert kernel.KernelHost().observe(READS).tables == (OTHER,)


@pytest.mark.parametrize("action", [Action.ADD, Action.REMOVE])
@pytest.mark.parametrize("error", [PermissionError(1, "no"), OSError(12, "Cannot allocate memory")])
def test_a_look_after_the_change_that_is_refused_is_told(host, nft, monkeypatch, action, error):
    """The step is done; the next run finds out what stands, and records it."""
    host.apply(Step(Action.ADD, OTHER))
    usual, generation = nft.look, nft.generation

    def look(tables):
        if nft.generation != generation:
            raise error
        return usual(tables)

    with monkeypatch.context() as patch:
        patch.setattr(nft_handles, "look", look)
        with pytest.raises(RecordError, match=r"Operation not permitted|Cannot allocate memory"):
            host.apply(Step(action, TABLE, OTHER))
    assert kernel.KernelHost().observe(READS).tables == ((TABLE,) if action is Action.ADD else ())


@pytest.mark.parametrize("by_whom", ["a run that was killed", "another program"])
def test_a_table_that_is_gone_leaves_no_record(host, nft, run_directory, monkeypatch, by_whom):
    """The next run that holds the lock removes it, whoever removed the table."""
    host.apply(Step(Action.ADD, TABLE))
    record = run_directory / "tables" / "t.json"
    with monkeypatch.context() as patch:
        patch.setattr(records, "forget", _kill)
        if by_whom == "another program":
            nft.remove("ip", "t")
        else:
            with pytest.raises(KilledError):
                host.apply(Step(Action.REMOVE, TABLE))
    assert kernel.KernelHost().observe(READS).tables == ()
    assert record.exists()
    after = kernel.KernelHost()
    with after.lock(1):
        assert after.observe(READS).tables == ()
    assert not record.exists()


# --- records of earlier versions --------------------------------------------------------------


@pytest.fixture(name="earlier")
def _earlier(nft, run_directory):
    """Return a function that writes a record with what nft listed then."""

    def write(listing):
        nft.change()
        record = {"blocks": stored.encode(TABLE), "listing": records.digest(listing)}
        (run_directory / "tables").mkdir(parents=True)
        (run_directory / "tables" / "t.json").write_text(json.dumps(record))

    return write


def test_a_table_of_an_earlier_version_stays(nft, earlier):
    """What nft lists is as it was noted; from then on it does not matter."""
    earlier("listed")
    assert kernel.KernelHost().observe(READS).tables == (TABLE,)
    host = kernel.KernelHost()
    with host.lock(1):
        assert host.observe(READS).tables == (TABLE,)
    nft.listed = "in other words"
    assert kernel.KernelHost().observe(READS).tables == (TABLE,)
    nft.change()
    assert kernel.KernelHost().observe(READS).tables == (replace(TABLE, intact=False),)


def test_a_table_of_an_earlier_version_that_was_edited_is_seen(nft, earlier):
    """Its listing is another one."""
    earlier("listed otherwise")
    host = kernel.KernelHost()
    with host.lock(1):
        assert host.observe(READS).tables == (replace(TABLE, intact=False),)
    nft.change()
    assert kernel.KernelHost().observe(READS).tables == (replace(TABLE, intact=False),)

"""The run state and the tables as loaded, in the run directory."""

import json
import signal
from dataclasses import fields, replace

import pytest

from dualwan.errors import HostError
from dualwan.host import answers, store
from dualwan.model.resources import Address
from dualwan.model.state import Health, RunState
from dualwan.model.usage import Losses
from dualwan.nft.table import DeviceShortcut, NftTable, base_chain, dynamic

HOOK = "type filter hook input priority filter; policy drop;"
TABLE = NftTable(
    "ip",
    "t",
    (
        dynamic("set", "held", "type ipv4_addr", 8, "60s", "1/2/3"),
        base_chain("a", HOOK, DeviceShortcut("lan0", "accept"), "drop", comment="what comes in"),
    ),
)
STATE = RunState(
    wanted=True,
    sysctls={"tunnel": {"net/ipv4/ip_forward": "0"}},
    addresses=(Address("wan0", "2001:db8::5"),),
    tunnels=("mape0",),
    softwires={"mape": "192.0.2.18"},
    sessions={"pppoe": "203.0.113.7"},
    prefix="2001:db8::/56",
    aftr="2001:db8:ffff::64",
    notified_ce="2001:db8::feed",
    health=Health(broken=True, streak=2, since=1000.5),
    tables=("t",),
    losses=Losses({"192.168.1.10": 3}, 2, 1),
    dialled=("dsl-provider",),
    version="0.2.0",
    owed_flows=("203.0.113.7",),
    owed_solicitations=("wan0",),
    awaited=True,
    generation=7,
)
# As 0.1.0 wrote it; the text and the listing of each table stood in it.
OLD = {
    "wanted": True,
    "sysctls": {"tunnel": {"net/ipv4/ip_forward": "0"}},
    "addresses": [["wan0", "2001:db8::5"]],
    "tunnels": ["mape0"],
    "pppoe": "203.0.113.7",
    "mape": "192.0.2.18",
    "prefix": "2001:db8::/56",
    "aftr": "2001:db8:ffff::64",
    "told": "2001:db8::feed",
    "health": [True, 2, 1000.5],
    "tables": {"t": [TABLE.source(), "listed"], "torn": ["", ""]},
    "losses": {"refused": {"192.168.1.10": 3}, "no_port": 2, "untranslated": 1},
}


@pytest.fixture(name="directory", autouse=True)
def _directory(tmp_path, monkeypatch):
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path))
    return tmp_path


def test_every_field_of_the_state_is_kept():
    """Each has a value here that it does not have by itself, and comes back."""
    for field in fields(RunState):
        assert getattr(STATE, field.name) != getattr(RunState(), field.name), field.name
    store.save_state(STATE)
    assert store.load_state() == STATE


def test_the_order_of_sysctls_is_kept():
    """It is the order of setting, and reversed the order of putting back."""
    names = {"b": "1", "a": "2", "c": "3"}
    store.save_state(RunState(sysctls={"tunnel": names}))
    assert list(store.load_state().sysctls["tunnel"].items()) == list(names.items())


@pytest.mark.parametrize("text", ["", "{broken", "[]", "null", '{"wanted": true}', "\udcff"])
def test_a_state_that_cannot_be_read_counts_as_none(directory, text):
    """A torn or foreign file is no reason to do nothing."""
    (directory / store.NAME).write_text(text, encoding="utf-8", errors="surrogateescape")
    assert store.load_state() == RunState()


def test_no_file_is_no_state():
    """After a boot."""
    assert store.load_state() == RunState()


def test_a_full_disk_loses_nothing(directory, monkeypatch):
    """The state of before stays whole, and the reason is said with the file."""
    store.save_state(STATE)

    def full(_path, _text, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(HostError, match=r"state\.json: No space left on device"):
        store.save_state(RunState())
    assert store.load_state() == STATE
    assert directory.exists()


def test_a_table_is_intact_while_nft_lists_it_as_after_loading():
    """Its blocks are those that were loaded; what nft lists tells only whether they still are."""
    store.save_table(TABLE, "listed")
    assert store.load_table("ip", "t", "listed") == TABLE
    assert store.load_table("ip", "t", "edited") == replace(TABLE, intact=False)


def test_a_table_without_a_record_is_somebody_elses_work():
    """Nothing is known of what stands there, so nothing of it is kept."""
    assert store.load_table("ip", "t", "listed") == NftTable("ip", "t", intact=False)
    store.save_table(TABLE, "listed")
    store.forget_table("t")
    store.forget_table("t")
    assert store.load_table("ip", "t", "listed") == NftTable("ip", "t", intact=False)


def test_a_broken_record_is_none(directory):
    """As if the table had never been loaded by us."""
    store.save_table(TABLE, "listed")
    (directory / store.TABLES / "t.json").write_text('{"blocks": 7}')
    assert store.load_table("ip", "t", "listed") == NftTable("ip", "t", intact=False)


def test_the_state_of_0_1_0_is_taken_over(directory):
    """An upgrade under a running line forgets nothing."""
    (directory / store.NAME).write_text(json.dumps(OLD))
    assert store.load_state() == replace(
        STATE,
        tables=("t", "torn"),
        dialled=(),
        version="",
        owed_flows=(),
        owed_solicitations=(),
        awaited=False,
        generation=0,
    )


def test_the_tables_of_0_1_0_are_taken_over(directory):
    """Before the first write as after it: what packets have put into their sets is kept."""
    (directory / store.NAME).write_text(json.dumps(OLD))
    assert store.load_table("ip", "t", "listed") == TABLE
    assert store.load_table("ip", "torn", "listed") == NftTable("ip", "torn", intact=False)
    store.save_state(store.load_state())
    assert store.load_table("ip", "t", "listed") == TABLE
    assert store.load_table("ip", "t", "edited") == replace(TABLE, intact=False)


def test_a_state_of_0_1_0_without_counts_is_read(directory):
    """Its first builds counted nothing."""
    (directory / store.NAME).write_text(
        json.dumps({key: value for key, value in OLD.items() if key != "losses"})
    )
    assert store.load_state().losses == Losses()
    assert store.load_state().sysctls == STATE.sysctls


def test_a_state_of_0_1_0_that_had_no_address_yet_has_none_now(directory):
    """An empty text is no address of any way."""
    (directory / store.NAME).write_text(json.dumps(OLD | {"mape": "", "pppoe": ""}))
    assert (store.load_state().softwires, store.load_state().sessions) == ({}, {})
    assert store.load_state().prefix == STATE.prefix


def test_without_a_word_of_the_environment_it_is_the_machines_own(monkeypatch):
    """DUALWAN_RUN moves it; empty, it does not."""
    for text in ("", None):
        monkeypatch.delenv("DUALWAN_RUN") if text is None else monkeypatch.setenv("DUALWAN_RUN", "")
        assert str(store.directory()) == "/run/dualwan"


def test_the_state_is_small(directory):
    """What a run reads is some hundred bytes: the tables are in files of their own."""
    store.save_state(STATE)
    assert (directory / store.NAME).stat().st_size < 1000


# --- writes that do not come to their end ----------------------------------------------------


def full(*_):
    """Have no room."""
    raise OSError(28, "No space left on device")


def test_a_full_disk_keeps_no_half_of_a_file(directory, monkeypatch):
    """What could be written of it would take the room that others need."""
    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(HostError, match=r"state\.json: No space left on device"):
        store.save_state(STATE)
    assert [path.name for path in directory.iterdir()] == []


def test_the_answers_of_the_line_leave_no_half_of_a_file(directory, monkeypatch):
    """Neither do they: it may hold a token."""
    monkeypatch.setenv("DUALWAN_STATE", str(directory / "lib"))
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HostError, match="No space left on device"):
        answers.write("note", "text")
    assert [path.name for path in (directory / "lib").iterdir()] == []


def test_a_take_over_that_is_cut_short_begins_anew(directory, monkeypatch):
    """The disk is full after one of two tables: the other is not forgotten by the next run."""
    old = OLD | {"tables": {"t": OLD["tables"]["t"], "u": OLD["tables"]["t"]}}
    (directory / store.NAME).write_text(json.dumps(old))
    write, written = store.Path.write_text, []

    def once(path, *arguments, **words):
        if written:
            full()
        written.append(path)
        return write(path, *arguments, **words)

    monkeypatch.setattr("pathlib.Path.write_text", once)
    with pytest.raises(HostError, match="No space left on device"):
        store.save_state(STATE)
    monkeypatch.setattr("pathlib.Path.write_text", write)
    store.save_state(STATE)
    assert store.load_table("ip", "t", "listed") == TABLE
    assert store.load_table("ip", "u", "listed") == replace(TABLE, name="u")


class TooLateError(Exception):
    """The deadline of a hook is over."""


def test_an_alarm_in_the_middle_of_a_save_is_heard_after_it(monkeypatch):
    """What was done is noted, and the run ends all the same."""

    def too_late(_signal, _frame):
        raise TooLateError

    replace_file = store.Path.replace

    def ring(path, target):
        signal.raise_signal(signal.SIGALRM)
        replace_file(path, target)

    before = signal.signal(signal.SIGALRM, too_late)
    monkeypatch.setattr("pathlib.Path.replace", ring)
    try:
        with pytest.raises(TooLateError):
            store.save_state(STATE)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert store.load_state() == STATE
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()

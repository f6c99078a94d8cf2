"""The run state and the tables as loaded, in the run directory."""

import json
import os
import signal
import stat
from dataclasses import fields, replace

import pytest
from run_states import STATE

from dualwan.errors import HostError
from dualwan.host import answers, run_files, store
from dualwan.model.state import Look, Role, RunState
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
    names = {
        "net/ipv6/conf/wan0/accept_ra": "1",
        "net/ipv4/ip_forward": "2",
        "net/ipv6/conf/all/forwarding": "3",
    }
    store.save_state(RunState(sysctls={"tunnel": names}))
    assert list(store.load_state().sysctls["tunnel"].items()) == list(names.items())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: (path.unlink(), os.mkfifo(path)),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: path.symlink_to(path.rename(path.with_name("elsewhere"))),
        lambda path: path.chmod(0o666),
        lambda path: path.chmod(0o664),
        lambda path: os.chown(path, 65534, 65534),
    ],
)
def test_a_state_that_others_can_have_written_counts_as_none(directory, spoil):
    """Whatever stands in its place; nothing waits for it. The next save puts it right."""
    store.save_state(STATE)
    path = directory / store.NAME
    spoil(path)
    assert store.load_state() == RunState()
    if path.is_dir():
        path.rmdir()
    store.save_state(STATE)
    assert store.load_state() == STATE


def test_what_is_written_is_nobody_elses_to_change(directory):
    """Whatever the umask of a hook is; users may read the state, for `status`."""
    before = os.umask(0)
    try:
        store.save_state(STATE)
    finally:
        os.umask(before)
    assert stat.S_IMODE((directory / store.NAME).stat().st_mode) == 0o644


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

    with monkeypatch.context() as patch:
        patch.setattr("os.open", full)
        with pytest.raises(HostError, match=r"state\.json: No space left on device"):
            store.save_state(RunState())
    assert store.load_state() == STATE
    assert directory.exists()


def test_only_root_reads_the_configuration_that_was_applied(directory):
    """The rest of the state is there for `status` of any user."""
    store.save_state(STATE)
    assert STATE.applied not in (directory / store.NAME).read_text()
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.glob("*.json")}
    assert modes == {"state.json": 0o644, "applied.json": 0o600}


def test_the_state_of_0_1_0_is_taken_over(directory):
    """An upgrade under a running line forgets nothing."""
    (directory / store.NAME).write_text(json.dumps(OLD))
    lacks = {"interfaces": {}, "dialled": (), "version": "", "found": (), "aftr_name": ""}
    lacks |= {"owed_flows": (), "owed_solicitations": (), "awaited": False, "in_transition": False}
    lacks |= {"ces": {}, "numbers": {}, "notified": {}, "routers": (), "asked": (), "successor": ""}
    lacks |= {"routed": None, "notified_of": {}, "transition_at": 0.0, "probed": 0.0}
    lacks |= {"applied": "", "generation": 0, "looked": Look(), "owes_inbound_flows": False}
    lacks |= {"owes_carried_flows": False, "role": Role()}
    assert store.load_state() == replace(STATE, tables=("t", "torn"), findings=(), **lacks)


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
        assert str(run_files.directory()) == "/run/dualwan"


def test_the_state_is_small(directory):
    """What a run reads is some hundred bytes: the tables are in files of their own."""
    store.save_state(STATE)
    assert (directory / store.NAME).stat().st_size < 1300


# --- writes that do not come to their end ----------------------------------------------------


def full(*_):
    """Have no room."""
    raise OSError(28, "No space left on device")


def test_a_full_disk_keeps_no_half_of_a_file(directory, monkeypatch):
    """What could be written of it would take the room that others need."""
    monkeypatch.setattr("os.replace", full)
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


class TooLateError(Exception):
    """The deadline of a hook is over."""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_run_is_ended_only_after_its_save(number):
    """A terminal that is closed, Ctrl-C, and what systemd sends."""
    heard = []
    before = signal.signal(number, lambda *_: heard.append(number))
    try:
        with run_files.uninterrupted():
            signal.raise_signal(number)
            assert not heard
        assert heard == [number]
    finally:
        signal.signal(number, before)


def test_an_alarm_in_the_middle_of_a_save_is_heard_after_it(monkeypatch):
    """What was done is noted, and the run ends all the same."""

    def too_late(_signal, _frame):
        raise TooLateError

    replace_file = os.replace

    def ring(path, target):
        signal.raise_signal(signal.SIGALRM)
        replace_file(path, target)

    before = signal.signal(signal.SIGALRM, too_late)
    monkeypatch.setattr("os.replace", ring)
    try:
        with pytest.raises(TooLateError):
            store.save_state(STATE)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert store.load_state() == STATE
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()

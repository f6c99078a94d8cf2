"""What a run state with chosen content can do: nothing beyond what this program writes there."""

import json
import os
import stat
from contextlib import suppress
from dataclasses import replace

import pytest
from machine import BASE
from run_states import STATE as WHOLE

from dualwan import slices
from dualwan.config import from_text
from dualwan.errors import KernelError
from dualwan.host import answers, noted, records, run_files, store, sysctl
from dualwan.host.kernel import KernelHost
from dualwan.host.lock import locked
from dualwan.host.records import Record
from dualwan.line.provisioning.cache import AnswerCache, Entry
from dualwan.line.ways import ways_of
from dualwan.model.observed import TableId
from dualwan.model.resources import Sysctl
from dualwan.model.state import RunState
from dualwan.nft.table import NftTable, chain, counter
from dualwan.nft.transaction import replacement

STATE = replace(WHOLE, applied="")  # which has a file of its own
GOOD = {name: value for name, value in store.encode(WHOLE).items() if name != "applied"}
HOSTILE = {
    "wanted": ["yes", 1, None],
    "sysctls": [
        {"tunnel": {name: "1"}}
        for name in (
            "../../etc/passwd",
            "net/ipv4/../../../etc/passwd",
            "net/ipv4/conf/../../../../etc/passwd",
            "net/ipv4/conf/../rp_filter",
            "net/ipv6/conf/a/b/accept_ra",
            "/etc/passwd",
            "kernel/core_pattern",
            "kernel/modprobe",
            "net/ipv4/ip_forward\n",
            "net/ipv4/conf/wan0/rp_filter/x",
            "net/ipv4/neigh/wan0/locktime",
            "net/core/somaxconn",
            "net/ipv6/conf/0123456789abcdef/accept_ra",
            "",
        )
    ]
    + [
        {"tunnel": {"net/ipv4/ip_forward": value}}
        for value in ("|sh", "1\n2", "", 1, None, "99" * 9)
    ]
    + [{"a\nb": {}}, {"tunnel": []}, []],
    "addresses": [
        [[device, address]]
        for device, address in (
            ("wan0/../x", "2001:db8::5"),
            ("wan 0", "2001:db8::5"),
            ("..", "2001:db8::5"),
            ("", "2001:db8::5"),
            ("0123456789abcdef", "2001:db8::5"),
            ("lan0", "192.168.1.1"),  # theirs: we add none of IPv4 to a device that is not ours
            ("wan0", "fe80::1"),
            ("wan0", "ff02::1"),
            ("wan0", "::1"),
            ("wan0", "::"),
            ("wan0", "2001:db8::5/64"),
            ("wan0", "2001:db8::5%wan0"),
            ("wan0", ""),
            ("wan0", 5),
        )
    ]
    + [[["wan0"]], [["wan0", "2001:db8::5", "no"]], [["wan0", "2001:db8::5", False, 1]]],
    "tunnels": [["ip6tnl0"], ["a b"], ["a/b"], [""], [5], "mape0/"],
    "softwires": [{"mape": "192.0.2.18; x"}, {"mape": "::1"}, {"m\n": "192.0.2.1"}, ["mape"]],
    "ces": [{"mape": "192.0.2.18"}, {"mape": "2001:db8::1/64"}, {"m\n": "::1"}, ["mape"]],
    "sessions": [{"pppoe": "0/0"}, {"pppoe": 5}],
    "interfaces": [{"pppoe": "ppp/1"}, {"pppoe": ""}, {"pppoe": 'p"'}][:2],
    "prefix": ["2001:db8::1/56", "x", 5, "192.0.2.0/24"],
    "routers": [["2001:db8::1"], ["::1"], ["fe80::1%wan0"], ["x"], [5], "fe80::1"],
    "asked": [
        ["2001:db8::1/56 fe80::1"],
        ["2001:db8::/64 ::1"],
        ["2001:db8::/64"],
        [" fe80::1"],
        ["2001:db8::/64 fe80::1 x"],
        [5],
        "2001:db8::/64 fe80::1",
    ],
    "successor": ["2001:db8::1/56", "x", 5, "192.0.2.0/24"],
    "aftr": ["::", "::1", "ff02::1", "fe80::1%wan0", "x"],
    "aftr-name": ["-x", "a b", "x\n"],
    "notified-ce": ["::1", "x"],
    "notified": [{"fixed": "::1"}, {"fixed": "x"}, {"a\nb": "2001:db8::5"}, []],
    "notified-of": [{"fixed": "a\nb"}, {"fixed": 5}, {"a\nb": "x"}, []],
    "numbers": [{"second": -1}, {"second": "2"}, {"a\nb": 2}, []],
    "health": [[1, 2, 3.0, True], [True, "2", 3.0], [True, 2, "now"], [True, -2, 3.0], [True] * 5],
    "probed": ["1", True, 1e999],
    "tables": [["dualwan_nat; flush ruleset"], ["a b"], [""], ["é"], [7]],
    "losses": [
        {"refused": {"x\x1b": 1}},
        {"refused": {"": 1}},
        {"refused": {"192.0.2.1": -1}},
        {"no_port": "1"},
        {"other": 1},
    ],
    "dialled": [["../../tmp/peer"], ["-detach"], [""], ["a b"]],
    "version": ["1\x1b[2J", "x" * 300],
    "findings": [["a\nb"], [5]],
    "routed": [
        ["203.0.113.8/29"],
        ["0.0.0.0/0 pppoe"],
        ["203.0.113.8/29 a\nb"],
        ["203.0.113.9 pppoe x"],
        [5],
        5,
    ],
    "owed-flows": [["0.0.0.0/0"], ["203.0.113.9/29"], ["x"]],
    "owes-inbound-flows": ["yes"],
    "owes-carried-flows": ["yes"],
    "role": [[True], [1, 2], [True, -1], ["active", 1], "active"],
    "owed-solicitations": [["wan0\n"], ["a/b"]],
    "awaited": [1],
    "in-transition": [0],
    "transition-at": ["1", True, 1e999],
    "generation": [-1, "7", 1.5, True],
    "looked": [[-1, 2.0], [7], [7, "now"], [True, 2.0], [7, 1e999]],
}


@pytest.fixture(name="directory", autouse=True)
def _directory(tmp_path, monkeypatch):
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path / "lib"))
    return tmp_path / "run"


def test_every_field_of_the_state_is_tried():
    """A new one is checked as well."""
    assert set(HOSTILE) | {"found"} == set(GOOD)


@pytest.mark.parametrize(
    ("key", "value"),
    [(key, value) for key, chosen in HOSTILE.items() for value in chosen]
    + [("found", value) for value in HOSTILE["addresses"]],
)
def test_a_state_with_a_value_that_we_do_not_write_counts_as_none(key, value):
    """The whole of it: who has written one value has written the others."""
    run_files.write(store.NAME, GOOD)
    assert store.load_state() == STATE
    run_files.write(store.NAME, GOOD | {key: value})
    assert store.load_state() == RunState()


def test_what_the_kernel_and_pppd_may_call_a_device_is_kept():
    """A VLAN, a pppd's own name, and no session at all."""
    for name in ("eth0.100", "ppp-flets", "br_lan", "ppp+1", "no/session"):
        state = replace(STATE, interfaces={"pppoe": name})
        store.save_state(state)
        assert store.load_state() == state


def test_every_sysctl_that_a_slice_sets_may_be_put_back(tmp_path):
    """Or its original would be lost with all of the state."""
    config = from_text("f", BASE, tmp_path)
    names = [name for one in slices.ALL for name in one.sysctls(config, ways_of(config, None))]
    assert names
    assert [noted.sysctl(name) for name in names] == names


@pytest.mark.parametrize("name", ["../x", "net/../../x", "/etc/x"])
def test_no_sysctl_leads_out_of_proc_sys(tmp_path, monkeypatch, name):
    """Whatever asks for it."""
    (tmp_path / "sys").mkdir()
    (tmp_path / "x").write_text("before")
    monkeypatch.setattr(sysctl, "PROC_SYS", tmp_path / "sys")
    with pytest.raises(KernelError, match="is no sysctl"):
        sysctl.write(Sysctl(name, "after"))
    with suppress(KernelError):  # of one that is not there nothing is restored
        sysctl.restore(Sysctl(name, "after"))
    assert (tmp_path / "x").read_text() == "before"


# --- records of tables ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("chain", "a; flush ruleset"),
        ("chain", "a\nflush ruleset"),
        ("chain", 'a"'),
        ("chain", ""),
        ("chain a; delete table inet other", "a"),
        ("chain\ninclude", "a"),
        ("", "a"),
    ],
)
def test_a_record_brings_no_words_into_a_transaction(kind, name):
    """The next one names the kinds and names of blocks that were loaded, and nothing else."""
    table = NftTable("inet", "dualwan_x", (counter("lost"), chain("a", "drop")))
    records.save(Record(table, digest="d", stamp="s"))
    path = run_files.directory() / "tables/dualwan_x.json"
    there = json.loads(path.read_text())
    assert "a" in replacement(records.load(TableId("inet", "dualwan_x")).table, table)
    there["blocks"][1][:2] = kind, name
    path.write_text(json.dumps(there))
    assert records.load(TableId("inet", "dualwan_x")) is None


def test_what_was_to_be_loaded_is_a_table_that_nft_can_have():
    """Its family is in the file and its name is the file's: neither is taken as it is."""
    table = NftTable("inet", "dualwan_x", (counter("lost"),))
    records.expect(Record(table, stamp="s"))
    assert records.all_expected() == [TableId("inet", "dualwan_x")]
    path = run_files.directory() / "tables/dualwan_x.expected.json"
    there = path.read_text()
    (path.parent / "a;b.expected.json").write_text(there)
    path.write_text(there.replace('"inet"', '"inet x; flush ruleset; list table inet"'))
    (path.parent / "a;b.expected.json").chmod(0o600)
    assert records.all_expected() == []


# --- files and folders ----------------------------------------------------------------------


def write_all():
    """Write each kind of file that outlives a run."""
    with locked(run_files.directory(), 1):
        store.save_state(WHOLE)
        records.save(Record(NftTable("ip", "t", (counter("lost"),)), digest="d", stamp="s"))
        records.expect(Record(NftTable("ip", "t", (counter("lost"),)), stamp="s"))
        run_files.write("seen.json", {})
    with KernelHost().asking():
        pass
    answers.save(AnswerCache({"hb46pp": Entry("o", 1, "", "secret")}))


@pytest.mark.parametrize("umask", [0, 0o2, 0o22, 0o77])
def test_whatever_the_umask_nobody_else_may_change_or_see_more_than_the_state(tmp_path, umask):
    """`status` of a user reads the state; the rules of nft are root's to see, and tokens too."""
    before = os.umask(umask)
    try:
        write_all()
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
    }
    assert modes == {
        "run": 0o755,
        "run/lock": 0o600,
        "run/state.json": 0o644,
        "run/applied.json": 0o600,
        "run/seen.json": 0o600,
        "run/tables": 0o700,
        "run/tables/t.json": 0o600,
        "run/tables/t.expected.json": 0o600,
        "run/asking": 0o755,
        "run/asking/lock": 0o600,
        "lib": 0o755,
        "lib/provisioning.json": 0o600,
    }


def test_the_first_to_ask_makes_the_run_directory_as_a_run_does(directory):
    """With a umask of 0 nobody else gets to write there."""
    before = os.umask(0)
    try:
        with KernelHost().asking():
            assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    finally:
        os.umask(before)


@pytest.mark.parametrize(
    "spoil",
    [lambda one: os.chown(one, 65534, 65534), lambda one: one.chmod(0o777)],
    ids=["of a user", "writable by all"],
)
def test_what_lies_in_a_folder_of_others_is_not_read(directory, tmp_path, spoil):
    """They could put an older file of root's in its place."""
    write_all()
    spoil(directory)
    spoil(tmp_path / "lib")
    assert store.load_state() == RunState()
    assert records.load(TableId("ip", "t")) is None
    assert answers.load() == AnswerCache()

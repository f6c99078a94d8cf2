"""The programs of a pair of routers: what keepalived is told, and whether they run."""

import os
import subprocess

import pytest
from another_root import put
from machine import BASE, config

from dualwan.findings import AT_EVENTS, find
from dualwan.host import processes
from dualwan.host.around import files, pair
from dualwan.model.surroundings import Pair, Surroundings

ONE_OF_TWO = config(BASE + "[router]\nredundant = true\n")
KEEPALIVED = """\
! told by VRRP
vrrp_instance LINE {
    notify_master "/usr/bin/dualwan-hook role active"
    notify_backup "/usr/bin/dualwan-hook role standby"
    notify_fault "/usr/bin/dualwan-hook role standby"
}
"""


def codes(found, cfg=ONE_OF_TWO):
    """Return the codes of what is found of a pair."""
    return [one.code for one in find(cfg, Surroundings(pair=found))]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KEEPALIVED, ("active", "standby")),
        (KEEPALIVED.replace("notify_master", "# notify_master"), ("standby",)),
        (KEEPALIVED.replace("    notify_master", "!   notify_master"), ("standby",)),
        (KEEPALIVED.replace("role active", "status"), ("standby",)),
        (KEEPALIVED.replace("notify_backup", "# notify_backup"), ("active",)),
        (KEEPALIVED.replace("_master", "_x").replace("_backup", "_master"), ()),
        (KEEPALIVED.replace("_backup", "_stop"), ("active",)),
        ('    notify_master "/etc/keepalived/mine.sh active"\n', ("active",)),
        ("vrrp_instance LINE {\n}\n", ()),
        ('    notify "/etc/keepalived/mine.sh" root\n', ("active", "standby")),
        ('    notify "/etc/keepalived/other.sh"\n', ()),
        ('    notify "/etc/keepalived/gone.sh"\n', ()),
        ("    notify_master\n", ()),
        ("include conf.d/*.conf\n", ("active", "standby")),
        ("include /etc/keepalived/conf.d/line.conf\n", ("active", "standby")),
        ("include conf.d/none-*.conf\n", ()),
        ("include keepalived.conf\n", ()),
    ],
)
def test_the_roles_that_keepalived_tells(tmp_path, text, told):
    """By its own lines, those of files that it includes, or a script that calls us."""
    put(tmp_path, {"etc/keepalived/keepalived.conf": text})
    put(tmp_path, {"etc/keepalived/conf.d/line.conf": KEEPALIVED})
    put(tmp_path, {"etc/keepalived/mine.sh": 'exec dualwan-hook role "$ROLE"\n'})
    put(tmp_path, {"etc/keepalived/other.sh": "logger hello\n"})
    assert files.look(tmp_path, ONE_OF_TWO).pair == Pair(told=told)


def test_a_file_that_only_root_may_read_is_not_complained_of(tmp_path, monkeypatch):
    """It may have a password of VRRP."""
    put(tmp_path, {"etc/keepalived/keepalived.conf": ""})

    def refused(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("dualwan.files.read_foreign", refused)
    assert codes(files.look(tmp_path, ONE_OF_TWO).pair) == []


def test_a_router_without_another_one_is_not_looked_at(tmp_path):
    """Its keepalived may be there for something else."""
    put(tmp_path, {"etc/keepalived/keepalived.conf": ""})
    assert files.look(tmp_path, config()).pair is None
    assert codes(Pair(told=None, keepalived=False, conntrackd=False), config()) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Pair(told=("active", "standby")), []),
        (Pair(told=None, keepalived=False), ["pair-no-keepalived"]),
        (Pair(told=()), ["pair-role-untold", "pair-role-untold"]),
        (Pair(told=("active",)), ["pair-role-untold"]),
        (Pair(told=("active", "standby"), keepalived=False), ["pair-keepalived-off"]),
        (Pair(told=("active", "standby"), conntrackd=False), ["pair-conntrackd-off"]),
    ],
)
def test_what_is_named(found, expected):
    """One cause, one finding; a keepalived that is not set up is not said to be off."""
    assert codes(found) == expected


def test_a_role_that_is_not_told_is_named_with_the_line_to_write():
    """It can be copied."""
    (found,) = find(ONE_OF_TWO, Surroundings(pair=Pair(told=("standby",))))
    assert "does not run `dualwan-hook role active`" in found.seen
    assert 'notify_master "/usr/bin/dualwan-hook role active"' in found.remedy


def test_ifup_does_not_ask_what_runs():
    """Those are started after the network; the log of each boot would complain."""
    off = Surroundings(pair=Pair(("active", "standby"), keepalived=False, conntrackd=False))
    assert find(ONE_OF_TWO, off, AT_EVENTS) == ()
    assert [one.code for one in find(ONE_OF_TWO, off)] == [
        "pair-keepalived-off",
        "pair-conntrackd-off",
    ]


@pytest.mark.parametrize(
    ("names", "set_up", "runs"),
    [
        (("keepalived", "conntrackd"), True, (True, True)),
        (("keepalived",), True, (True, False)),
        (("conntrackd", "sshd"), True, (False, True)),
        ((), False, (False, True)),
    ],
)
def test_what_runs(tmp_path, names, set_up, runs):
    """By its name in /proc; conntrackd has to run where it is set up."""
    proc = tmp_path / "proc"
    for pid, name in enumerate(names, 1):
        put(proc, {f"{pid}/comm": f"{name}\n"})
    (proc / "self").mkdir(parents=True)
    if set_up:
        put(tmp_path, {"etc/conntrackd/conntrackd.conf": ""})
    found = pair.running(Pair(), proc, tmp_path, owner=os.getuid())
    assert (found.keepalived, found.conntrackd) == runs


def test_programs_of_this_machine_are_found():
    """By the name that the kernel gives a program as it starts."""
    pipe = subprocess.PIPE
    with subprocess.Popen(["cat"], stdin=pipe, stdout=pipe, bufsize=0) as cat:
        cat.stdin.write(b"?")
        assert cat.stdout.read(1) == b"?", "it has its name before it can answer"
        assert "cat" in processes.names(owner=os.getuid())
        cat.stdin.close()


def test_programs_of_others_do_not_count(tmp_path):
    """Any user can call a process as they like."""
    put(tmp_path, {"1/comm": "keepalived\n"})
    assert processes.names(tmp_path, owner=os.getuid() + 1) == frozenset()

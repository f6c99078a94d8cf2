"""Sysctls as the real host reads, writes and restores them; a solicitation that cannot be sent."""

import os

import pytest
from machine import config

from dualwan.errors import HostError, KernelError
from dualwan.host import kernel, sysctl
from dualwan.line import derive_line
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Solicitation, Sysctl
from dualwan.model.state import RunState
from dualwan.slices import firewall, goals, pbr, snat, tunnel

FORWARD, ACCEPT = "net/ipv4/ip_forward", "net/ipv6/conf/wan0/accept_ra"
FILTER = "net/ipv4/conf/ppp0/rp_filter"


@pytest.fixture(name="proc")
def _proc(tmp_path, monkeypatch):
    """Return a folder in the place of /proc/sys, with three sysctls."""
    monkeypatch.setattr(sysctl, "PROC_SYS", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name, value in ((FORWARD, "0\n"), (ACCEPT, "1\n"), (FILTER, "1\n")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(value)
    return tmp_path


def do(action, resource):
    """Do one step as the real host does."""
    kernel.KernelHost().apply(Step(action, resource))


@pytest.mark.parametrize("action", [Action.ADD, Action.CHANGE, Action.RESTORE])
def test_a_sysctl_gets_its_value(proc, action):
    """Set and restored alike, as a line."""
    do(action, Sysctl(FORWARD, "1"))
    assert (proc / FORWARD).read_text() == "1\n"
    assert (proc / ACCEPT).read_text() == "1\n"


def test_a_sysctl_whose_device_is_gone_went_with_it(proc):
    """Restoring it is no error, and makes nothing; setting one that is not there is."""
    (proc / FILTER).unlink()
    do(Action.RESTORE, Sysctl(FILTER, "1"))
    assert not (proc / FILTER).exists()
    (proc / FILTER).parent.rmdir()
    do(Action.RESTORE, Sysctl(FILTER, "1"))
    with pytest.raises(KernelError, match=rf"^sysctl {FILTER} = 2: No such file or directory$"):
        do(Action.ADD, Sysctl(FILTER, "2"))


def test_a_value_that_the_kernel_refuses_is_told(proc):
    """By name, value and the kernel's words; restoring is no different."""
    (proc / FORWARD).unlink()
    (proc / FORWARD).mkdir()
    for action in (Action.CHANGE, Action.RESTORE):
        with pytest.raises(KernelError, match=rf"^sysctl {FORWARD} = 1: Is a directory$"):
            do(action, Sysctl(FORWARD, "1"))


def test_without_root_nothing_is_tried(proc, monkeypatch):
    """One sentence that says so, in place of the kernel's refusal."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match=f"^sysctl {FORWARD} = 1: changing anything needs root$"):
        do(Action.ADD, Sysctl(FORWARD, "1"))
    assert (proc / FORWARD).read_text() == "0\n"


def test_only_what_the_slices_need_is_read(proc):
    """With what their notes name, without the line's end; what is not there is left out."""
    (proc / "net/ipv4/conf/old0").mkdir()
    (proc / "net/ipv4/conf/old0/rp_filter").write_text("2\n")
    state = RunState(
        sysctls={
            "pbr": {"net/ipv4/conf/old0/rp_filter": "1"},
            "tunnel": {"net/ipv4/conf/gone0/rp_filter": "1"},
        }
    )

    def read(*mine):
        ways = derive_line(config()).ways
        return sysctl.read(goals.reads(mine, config(), ways, state).sysctls)

    assert read(pbr.SLICE) == {FILTER: "1", "net/ipv4/conf/old0/rp_filter": "2"}
    assert read(tunnel.SLICE) == {FORWARD: "0", ACCEPT: "1"}
    assert read(firewall.SLICE, snat.SLICE) == {}


def test_a_solicitation_that_cannot_be_sent_is_told(monkeypatch):
    """By device and the kernel's words."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("socket.socket", refuse)
    with pytest.raises(
        KernelError, match=r"^router solicitation on wan0: Operation not permitted$"
    ):
        do(Action.ADD, Solicitation("wan0"))

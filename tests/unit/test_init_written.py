"""The file that init writes: never over another, or with a copy, and whole or not at all."""

import io
import os
import stat
from dataclasses import replace

import pytest
from init_command import MACHINE, NAMED, init_path, init_run, names

from dualwan.errors import HostError, UsageError
from dualwan.host import new_file
from dualwan.model.setup import SourceFile

__all__ = ["init_path", "init_run"]  # fixtures


def test_it_never_writes_over_a_configuration(run, path):
    """It is refused before anything is asked, also for a link that leads nowhere."""
    path.parent.mkdir()
    path.symlink_to("nowhere")
    code, out, err = run(*NAMED)
    assert (code, out) == (2, "")
    assert "--force writes another, and keeps a copy" in err
    path.unlink()
    path.write_text("mine")
    assert run(*NAMED)[0] == 2
    assert path.read_text() == "mine"


def test_force_keeps_a_copy(run, path):
    """Of each that was there, with its mode; a link stays a link."""
    path.parent.mkdir()
    path.write_text("first")
    path.chmod(0o600)
    assert run(*NAMED, "--force")[0] == 0
    copy = path.with_name("dualwan.toml.before-init")
    assert (copy.read_text(), stat.S_IMODE(copy.stat().st_mode)) == ("first", 0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = path.read_text()
    path.rename(path.with_name("real"))
    path.symlink_to("real")
    _, out, _ = run(*NAMED, "--force", "--provider", "v6plus")
    assert path.is_symlink()
    assert 'provider = "v6plus"' in path.read_text()
    assert path.with_name("real.before-init").read_text() == second
    assert "real.before-init: a copy of what was there" in out


def test_a_file_that_comes_meanwhile_stays(path):
    """Between the question and the writing, another program may write one."""
    path.parent.mkdir()
    path.write_text("theirs")
    with pytest.raises(UsageError, match="was written by another program meanwhile"):
        new_file.create(path, "ours")
    assert path.read_text() == "theirs"
    assert names(path.parent) == ["dualwan.toml"]


def test_a_write_that_fails_leaves_what_was(path, monkeypatch):
    """Neither half a file nor one beside it."""
    path.parent.mkdir()
    path.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HostError, match="No space left on device"):
        new_file.replace(path, "after")
    assert path.read_text() == "before"
    assert names(path.parent) == ["dualwan.toml", "dualwan.toml.before-init"]


def test_a_copy_that_cannot_be_written_is_an_error_and_leaves_nothing(path, monkeypatch):
    """A full disk: no traceback, no empty copy that looks like one, and the file as it was."""
    path.parent.mkdir()
    path.write_text("before")

    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    def full(handle, *_, **__):
        os.close(handle)
        return Full()

    monkeypatch.setattr("os.fdopen", full)
    with pytest.raises(HostError, match=r"before-init: cannot be written: No space left on device"):
        new_file.replace(path, "after")
    assert path.read_text() == "before"
    assert names(path.parent) == ["dualwan.toml"]


@pytest.mark.parametrize("stanza", ["inet ppp\n    provider dsl-provider", "inet6 auto"])
def test_the_stanza_is_told_where_none_will_be_left(run, monkeypatch, stanza):
    """That of pppd on the WAN itself is to be taken out, and none would bring the WAN up then."""
    text = f"auto enp1s0\niface enp1s0 {stanza}\n"
    file = SourceFile("/etc/network/interfaces", text)
    there = replace(MACHINE, interfaces=(file,))
    monkeypatch.setattr("dualwan.host.around.setup.look", lambda *_: there)
    code, out, _ = run(*NAMED, "--dry-run")
    assert code == 0
    assert ("  iface enp1s0 inet manual\n" in out) is ("provider" in stanza)

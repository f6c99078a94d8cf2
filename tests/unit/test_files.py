"""Files that decide what root does: what stands in their place, and who can have written it."""

import os
import stat
import subprocess
import sys

import pytest

from dualwan import files
from dualwan.config import load
from dualwan.errors import ConfigError
from dualwan.host import answers, leases
from dualwan.host.remote import update_call
from dualwan.mape.table import read_toml

SPOILED = {
    "fifo": lambda path: (path.unlink(), os.mkfifo(path)),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
    "writable by all": lambda path: path.chmod(0o646),
    "of a user": lambda path: os.chown(path, 65534, 65534),
}
IRREGULAR = ("fifo", "folder", "device")


@pytest.fixture(name="path")
def _path(tmp_path):
    made = tmp_path / "file"
    made.write_text("text\r\n")
    made.chmod(0o644)
    return made


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_what_others_can_have_written_is_not_read(path, spoil):
    """Neither as the owner's file nor as our own; and nothing waits for it."""
    assert files.read_text(path) == files.read_own(path) == "text\n"
    spoil(path)
    with pytest.raises(OSError, match="file"):
        files.read_text(path)
    with pytest.raises(OSError, match="file"):
        files.read_own(path)


@pytest.mark.parametrize("what", IRREGULAR)
def test_what_is_no_file_is_not_waited_for(path, what):
    """Of whoever it is."""
    assert files.read_bytes(path, 3) == b"tex"
    SPOILED[what](path)
    for read in (
        lambda: files.read_bytes(path, 3),
        lambda: files.read_foreign(path),
        lambda: files.read_text(path, trusted=False),
    ):
        with pytest.raises(OSError, match=r"is no regular file|Is a directory"):
            read()


def test_of_a_file_of_another_program_the_beginning_is_read(path):
    """Whatever bytes are in it, and however long it is."""
    path.write_bytes(b"a\xff" * files.MAX_FOREIGN)
    assert files.read_foreign(path) == "a\ufffd" * (files.MAX_FOREIGN // 2)


def test_the_owner_may_give_a_file_to_a_group_and_link_to_it(path):
    """That is his own doing; what we have written ourselves is neither."""
    path.chmod(0o664)
    link = path.with_name("link")
    link.symlink_to(path)
    assert files.read_text(link) == "text\n"
    for one in (path, link):
        with pytest.raises(OSError, match=r"others than root|symbolic"):
            files.read_own(one)


def test_another_link_to_a_file_changes_nothing(path):
    """Any user may be able to make one of a file that he can read."""
    path.with_name("other").hardlink_to(path)
    assert files.read_own(path) == "text\n"


def test_a_person_names_what_file_he_likes(path):
    """By --config: it is his own word that counts."""
    os.chown(path, 65534, 65534)
    assert files.read_text(path, trusted=False) == "text\n"


def test_a_file_is_written_beside_the_old_one(path):
    """What lies there under the name that is used meanwhile is not written through."""
    victim = path.with_name("victim")
    victim.write_text("mine")
    path.with_name("file.new").symlink_to(victim)
    before = os.umask(0)
    try:
        files.write(path, "new", 0o600)
    finally:
        os.umask(before)
    assert (path.read_text(), victim.read_text()) == ("new", "mine")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name("file.new").exists()


@pytest.mark.parametrize("what", ["writable by all", "of a user"])
def test_a_configuration_that_others_may_change_is_refused(path, what):
    """A hook that root runs does not do what they say; a person who names it may see it."""
    SPOILED[what](path)
    with pytest.raises(ConfigError, match=r"others than root may change it: chown root .*; chmod"):
        load(path)
    with pytest.raises(ConfigError, match=r"file:1: "):
        load(path, asked=True)
    with pytest.raises(ConfigError, match=r"others than root may change it: chown root .*; chmod"):
        read_toml(path)


@pytest.mark.parametrize("what", IRREGULAR)
def test_no_reader_waits_for_a_fifo(path, what, monkeypatch, tmp_path):
    """Each says what is wrong, or goes on without the file."""
    SPOILED[what](path)
    for read in (load, lambda one: load(one, asked=True), read_toml, update_call.read):
        with pytest.raises(ConfigError, match="file"):
            read(path)
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path))
    path.rename(tmp_path / answers.NAME)
    assert answers.load() == answers.AnswerCache()
    (tmp_path / answers.NAME).rename(tmp_path / "lease")
    monkeypatch.setattr(leases, "DHCLIENT", (str(tmp_path / "lease"),))
    monkeypatch.setattr(leases, "DHCPCD", (str(tmp_path / "lease"),))
    assert leases.latest("wan0") == leases.Found()


@pytest.mark.parametrize("what", ["fifo", "folder"])
def test_a_hook_waits_for_no_configuration(path, what):
    """It ends at once, as without one."""
    SPOILED[what](path)
    done = subprocess.run(
        [sys.executable, "-B", "-c", "from dualwan.hook import hook; hook('up', 'wan0')"],
        env={**os.environ, "DUALWAN_CONFIG": str(path)},
        check=True,
        capture_output=True,
        timeout=20,
    )
    assert (done.stdout, done.stderr) == (b"", b"")

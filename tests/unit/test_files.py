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
from dualwan.line.provisioning.cache import AnswerCache
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


def test_a_byte_order_mark_is_no_text(path):
    """An editor of Windows begins a file with one."""
    path.write_text("text\n", encoding="utf-8-sig")
    assert files.read_text(path) == "text\n"


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


NOBODY = 65534


@pytest.fixture(name="folders")
def _folders(path, tmp_path):
    """Return the file two folders down, behind a link to the upper one."""
    (tmp_path / "up/down").mkdir(parents=True)
    (tmp_path / "link").symlink_to("up")
    path.rename(tmp_path / "up/down/file")
    return tmp_path / "link/down/file"


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("up/down/file", lambda one: one.chmod(0o646)),
        ("up/down/file", lambda one: os.chown(one, NOBODY, 0)),
        ("up/down/file", lambda one: (os.chown(one, 0, NOBODY), one.chmod(0o664))),
        ("up/down", lambda one: os.chown(one, NOBODY, 0)),
        ("up/down", lambda one: one.chmod(0o777)),
        ("up", lambda one: (os.chown(one, 0, NOBODY), one.chmod(0o775))),
        ("up", lambda one: os.chown(one, NOBODY, NOBODY)),
        ("", lambda one: os.chown(one, NOBODY, 0)),
    ],
)
def test_root_obeys_no_file_that_others_could_put_there(folders, tmp_path, name, spoil):
    """As sshd: the file and each folder above it count, with owner and mode in the error."""
    assert files.read_text(folders) == "text\n"
    culprit = tmp_path / name
    spoil(culprit)
    about = culprit.stat()
    owner = "nobody" if about.st_uid else "root"
    words = rf"chown root {culprit.resolve()}; chmod .* \(owner {owner}, .* mode "
    words += rf"{stat.S_IMODE(about.st_mode):04o}\)"
    for read in (load, read_toml):
        with pytest.raises(ConfigError, match=words if name != "up/down/file" else words[-20:]):
            read(folders)
    assert files.read_text(folders, trusted=False) == "text\n"


@pytest.mark.parametrize(
    ("name", "uid", "mode", "moves"),
    [("up", NOBODY, 0o755, True), ("up", 0, 0o777, False), ("up/down/file", NOBODY, 0o644, False)],
)
def test_a_home_is_not_taken_from_its_user(folders, tmp_path, name, uid, mode, moves):
    """Where a folder above the file is a user's, the file is to be moved first of all."""
    os.chown(tmp_path / name, uid, 0)
    (tmp_path / name).chmod(mode)
    with pytest.raises(files.UntrustedError) as caught:
        files.read_text(folders)
    move = "may change it: put the file into a folder of root's, or, if nobody does not need"
    assert (move in str(caught.value)) is moves


@pytest.mark.parametrize("name", ["up/down/file", "up/down", "up"])
def test_what_the_group_root_may_change_is_roots(folders, tmp_path, name):
    """Who is in it is root's doing."""
    (tmp_path / name).chmod(0o775)
    assert files.read_text(folders) == "text\n"


def test_in_a_sticky_folder_what_is_roots_stays_roots(folders, tmp_path):
    """Others can put something beside it there, and cannot replace it (/tmp)."""
    for mode in (0o1777, 0o1775):
        (tmp_path / "up").chmod(mode)
        os.chown(tmp_path / "up", 0, NOBODY)
        assert files.read_text(folders) == "text\n"
    os.lchown(tmp_path / "link", NOBODY, NOBODY)
    tmp_path.chmod(0o1777)
    with pytest.raises(files.UntrustedError, match=r"chown root .*/link; "):
        files.read_text(folders)
    os.lchown(tmp_path / "link", 0, 0)
    os.chown(tmp_path / "up", NOBODY, 0)  # the sticky bit is of no use against the owner
    with pytest.raises(files.UntrustedError, match=r"chown root .*/up; "):
        files.read_text(folders)


def test_links_that_lead_through_a_folder_of_others_are_refused(folders, tmp_path):
    """Though the file and its folders are root's: the way to it is not."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/on").symlink_to(tmp_path / "up/down/file")
    (tmp_path / "entry").symlink_to("theirs/../theirs/./on")
    assert files.read_text(tmp_path / "entry") == "text\n"
    os.chown(tmp_path / "theirs", NOBODY, 0)
    with pytest.raises(files.UntrustedError, match=r"chown root .*/theirs; "):
        files.read_text(tmp_path / "entry")
    assert files.read_text(folders) == "text\n"


def test_the_owner_checks_his_file_without_root(folders, tmp_path, monkeypatch):
    """His own file, in his own folders, also where they are his group's."""
    for one in (tmp_path / "up", tmp_path / "up/down", tmp_path / "up/down/file"):
        os.chown(one, NOBODY, NOBODY)
        one.chmod(0o775)
    monkeypatch.setattr("os.geteuid", lambda: NOBODY)
    assert files.read_text(folders) == "text\n"
    (tmp_path / "up/down/file").chmod(0o666)
    with pytest.raises(files.UntrustedError, match=r"others than root may change it: .* mode 0666"):
        files.read_text(folders)


@pytest.mark.parametrize("umask", [0, 0o2, 0o22, 0o77, 0o777])
def test_folders_and_files_have_their_modes_whatever_the_umask(tmp_path, umask):
    """Also the folders above, which nothing else makes."""
    before = os.umask(umask)
    try:
        files.make_folder(tmp_path / "a/b/c", 0o700)
        files.write(tmp_path / "a/b/c/file", "text", 0o644)
    finally:
        os.umask(before)
    modes = [
        stat.S_IMODE((tmp_path / name).stat().st_mode)
        for name in ("a", "a/b", "a/b/c", "a/b/c/file")
    ]
    assert modes == [0o755, 0o755, 0o700, 0o644]


def test_a_folder_that_is_there_gives_away_no_more_than_it_may(tmp_path):
    """It is made narrower, never wider; one that others may change is refused."""
    for mode, wanted, left in ((0o755, 0o700, 0o700), (0o700, 0o755, 0o700), (0o755, 0o755, 0o755)):
        tmp_path.chmod(mode)
        files.make_folder(tmp_path, wanted)
        assert stat.S_IMODE(tmp_path.stat().st_mode) == left
    for spoil in (lambda: tmp_path.chmod(0o775), lambda: os.chown(tmp_path, NOBODY, 0)):
        spoil()
        with pytest.raises(files.UntrustedError):
            files.make_folder(tmp_path, 0o755)
        tmp_path.chmod(0o755)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        files.make_folder(tmp_path / "file", 0o755)


@pytest.mark.parametrize("what", IRREGULAR)
def test_no_reader_waits_for_a_fifo(path, what, monkeypatch, tmp_path):
    """Each says what is wrong, or goes on without the file."""
    SPOILED[what](path)
    for read in (load, lambda one: load(one, asked=True), read_toml, update_call.read):
        with pytest.raises(ConfigError, match="file"):
            read(path)
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path))
    path.rename(tmp_path / answers.NAME)
    assert answers.load() == AnswerCache()
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

"""Which files of hooks.d are run: by name, kind, owner and mode, and in which order."""

import stat
import subprocess

import pytest

from dualwan.host.notice import folder
from dualwan.notice.choice import Entry, chosen, open_folder, refusal

PLAIN = stat.S_IFREG | 0o755
NOBODY = 65534


def entry(name="50-ddns", mode=PLAIN, owner=0):
    """Return a file of the folder."""
    return Entry(name, mode, owner)


def test_scripts_are_run_in_the_order_of_run_parts():
    """By the numbers of their letters: capitals come before small ones."""
    names = ["b", "10-a", "_c", "B", "9", "-d", "a"]
    scripts, refused = chosen(map(entry, names))
    assert scripts == ["-d", "10-a", "9", "B", "_c", "a", "b"]
    assert refused == []


def test_the_names_and_their_order_are_those_of_run_parts(tmp_path):
    """As Debian's run-parts(8) lists the same folder."""
    for name in ("b", "10-a", "_c", "B", "9", "a.sh", "a~", "d+", "e.dpkg-new", "ü", "X-1"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    listed = subprocess.run(
        ["run-parts", "--test", tmp_path], check=True, capture_output=True, text=True
    ).stdout.split()
    scripts, _ = folder.look(tmp_path)
    assert [str(tmp_path / name) for name in scripts] == listed


@pytest.mark.parametrize(
    ("code", "one"),
    [
        ("kind", entry(mode=stat.S_IFLNK | 0o777)),
        ("kind", entry(mode=stat.S_IFIFO | 0o755)),
        ("kind", entry(mode=stat.S_IFDIR | 0o755)),
        ("untrusted", entry(owner=NOBODY)),
        ("untrusted", entry(mode=PLAIN | stat.S_IWGRP)),
        ("untrusted", entry(mode=PLAIN | stat.S_IWOTH)),
        ("name", entry(name="50-ddns.sh")),
        ("name", entry(name="50 ddns")),
        ("mode", entry(mode=stat.S_IFREG | 0o644)),
    ],
)
def test_what_is_not_run_has_one_reason(code, one):
    """The first that counts, with what to do."""
    found = refusal(one)
    assert (found.name, found.code) == (one.name, code)
    assert found.reason
    assert found.remedy
    assert chosen([one]) == ([], [found])


@pytest.mark.parametrize(
    "one",
    [
        entry(name=".placeholder", mode=stat.S_IFREG | 0o644),
        entry(name="README.txt", mode=stat.S_IFREG | 0o644),
        entry(name="50-ddns~", mode=stat.S_IFREG | 0o644),
        entry(name="old.d", mode=stat.S_IFDIR | 0o755),
    ],
)
def test_what_was_not_meant_to_be_run_is_not_spoken_of(one):
    """Hidden files, and those that are neither executable nor named as scripts."""
    assert chosen([one]) == ([], [])


@pytest.mark.parametrize(
    ("mode", "owner", "above", "is_open"),
    [
        (0o755, 0, False, False),
        (0o700, 0, True, False),
        (0o775, 0, False, True),
        (0o757, 0, True, True),
        (0o755, NOBODY, True, True),
        (0o1777, 0, True, False),
        (0o1777, 0, False, True),
    ],
)
def test_a_folder_that_others_can_change(mode, owner, above, is_open):
    """Sticky, as /tmp, is enough for one above: what root owns there is not replaced."""
    assert open_folder(mode, owner, above=above) is is_open


@pytest.fixture(name="place")
def _place(tmp_path):
    """Return a folder of scripts with one in it."""
    place = tmp_path / "etc" / "hooks.d"
    place.mkdir(parents=True)
    place.chmod(0o755)
    (place / "50-ddns").write_text("#!/bin/sh\n")
    (place / "50-ddns").chmod(0o755)
    return place


@pytest.mark.parametrize("opened", ["hooks.d", "etc"])
def test_where_others_can_put_a_file_none_is_run(place, opened):
    """The folder itself, or the one that it stands in: each script is named with the reason."""
    assert folder.look(place) == (["50-ddns"], [])
    wrong = place if opened == "hooks.d" else place.parent
    wrong.chmod(0o777)
    scripts, (refused,) = folder.look(place)
    assert scripts == []
    assert (refused.name, refused.code) == ("50-ddns", "untrusted")
    assert refused.reason == f"others than root may change {wrong}"


def test_a_folder_of_another_user_has_none(place, monkeypatch):
    """Wherever on the way it stands."""
    monkeypatch.setattr(folder, "_owners", lambda: frozenset({NOBODY}))
    assert folder.look(place)[0] == []


def test_a_link_to_the_folder_is_followed_and_its_end_is_looked_at(place, tmp_path):
    """/etc/dualwan may be a link; the folder that it leads to counts as well."""
    link = tmp_path / "link"
    link.symlink_to(place)
    assert folder.look(link) == (["50-ddns"], [])
    place.parent.chmod(0o777)
    assert folder.look(link)[0] == []
    place.parent.chmod(0o755)
    place.chmod(0o1777)  # others can link a file of root's into it
    assert folder.look(link)[0] == folder.look(place)[0] == []


def test_no_folder_has_no_scripts(tmp_path):
    """Nothing is wrong with that."""
    assert folder.look(tmp_path / "hooks.d") == ([], [])
    assert not folder.has_any(str(tmp_path / "hooks.d"))

"""The source package and the .deb are the same to the byte, whoever builds them, where and when."""

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(
    *(".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis", ".coverage")
)
LONG_AGO, SOON = 978307200, 4102444800  # 2001 and 2100


def digests(folder):
    """Name and digest of what a build has left in ``folder``/dist."""
    return {
        file.name: sha256(file.read_bytes()).hexdigest() for file in (folder / "dist").iterdir()
    }


@pytest.fixture(scope="module", name="built")
def _built(tmp_path_factory):
    """Build twice from copies: folder, times of files, umask, locale, zone and home differ."""
    found = []
    for name, stamp, umask, environment in (
        ("a", LONG_AGO, 0o077, {"LC_ALL": "C", "TZ": "Asia/Tokyo", "HOME": "/nonexistent"}),
        ("another folder", SOON, 0o002, {"LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/root"}),
    ):
        copy = tmp_path_factory.mktemp("build") / name.replace(" ", "-") / "tree"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        for path in (copy, *copy.rglob("*")):
            os.utime(path, (stamp, stamp))
            path.chmod(path.stat().st_mode & ~umask | (0o020 if umask == 0o002 else 0))
        done = subprocess.run(
            [copy / "packaging/build-deb"],
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            umask=umask,
            env={"PATH": os.environ["PATH"], **environment},
        )
        assert done.returncode == 0, done.stdout
        found.append(digests(copy))
    return found


def test_two_builds_are_identical(built):
    """The .deb, and the three files of the source package it was built from."""
    one, other = built
    assert one == other
    kinds = {name.split("_", 1)[1].lstrip("0123456789.-") for name in one}
    assert kinds == {"orig.tar.xz", "debian.tar.xz", "dsc", "_all.deb", "all.deb"} & kinds
    assert len(one) == 4


def test_what_make_deb_has_built_is_the_same(built):
    """In this folder."""
    here = digests(ROOT)
    assert {name: here.get(name) for name in built[0]} == built[0]

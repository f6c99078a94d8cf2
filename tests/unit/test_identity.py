"""Maintainer, homepage and repository: pyproject.toml names them, all others say the same."""

from pathlib import Path

import pytest
import tomli

ROOT = Path(__file__).parents[2]
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
URLS = PROJECT["urls"]
(MAINTAINER,) = PROJECT["maintainers"]
NAME_AND_MAIL = f"{MAINTAINER['name']} <{MAINTAINER['email']}>"
DEBIAN = {
    "control": {
        "Maintainer": NAME_AND_MAIL,
        "Homepage": URLS["Homepage"],
        "Vcs-Browser": URLS["Repository"],
        "Vcs-Git": f"{URLS['Repository']}.git",
    },
    "copyright": {"Upstream-Contact": NAME_AND_MAIL, "Source": URLS["Repository"]},
    "upstream/metadata": {
        "Bug-Database": URLS["Issues"],
        "Bug-Submit": URLS["Issues"],
        "Repository": f"{URLS['Repository']}.git",
        "Repository-Browse": URLS["Repository"],
        "Security-Contact": MAINTAINER["email"],
    },
}


@pytest.mark.parametrize("name", DEBIAN)
def test_the_fields_of_debian_are_those_of_the_project(name):
    """Each field that names a person or a place has the value of pyproject.toml."""
    lines = (ROOT / "packaging/debian" / name).read_text().splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line and line[0] not in " #")
    assert {key: fields[key] for key in DEBIAN[name]} == DEBIAN[name]


def test_the_watch_file_looks_at_the_repository():
    """And at nothing else."""
    urls = [
        word
        for word in (ROOT / "packaging/debian/watch").read_text().split()
        if word.startswith("http")
    ]
    assert urls == [f"{URLS['Repository']}.git"]


def test_holes_are_reported_to_the_maintainer():
    """SECURITY.md says where to; the copyright is the maintainers'."""
    assert MAINTAINER["email"] in (ROOT / "SECURITY.md").read_text()
    for name in ("LICENSE", "packaging/debian/copyright"):
        assert MAINTAINER["name"] in (ROOT / name).read_text()


def test_a_place_that_is_not_the_projects_stands_nowhere():
    """No file of Debian's names an address below the placeholder that is none of these."""
    known = {*URLS.values(), f"{URLS['Repository']}.git", MAINTAINER["email"]}
    host = MAINTAINER["email"].split("@")[1]
    for path in (ROOT / "packaging/debian").rglob("*"):
        if path.is_file():
            for word in path.read_text().replace("<", " ").replace(">", " ").split():
                assert host not in word or word in known, f"{path.name}: {word}"

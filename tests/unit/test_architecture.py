"""What is written of the house is true: its rooms, files and tests are there, none too long."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/dualwan"
WRITTEN = [ROOT / name for name in ("docs/architecture.md", "CONTRIBUTING.md", "tests/README.md")]
LINES = 300
EXAMPLES = {"NAME", "SUBJECT", "CASE"}


def words(path):
    """Return what stands between backticks in a document, by word, and in its drawings."""
    text = path.read_text()
    parts = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^    .*$", text, re.MULTILINE)]
    found = {word.strip("()[],;:'\"") for part in parts for word in part.split()}
    return {word for word in found if not any(name in word for name in EXAMPLES)}


def is_there(name):
    """Whether a file or folder of the source or of the tests ends with this name."""
    places = (ROOT, SOURCE, SOURCE.parent, ROOT / "tests", *(ROOT / "tests").iterdir())
    return any((place / name).exists() for place in places) or any(SOURCE.rglob(name))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_each_file_and_room_that_is_named_is_there(path):
    """Of the source and of the tests, whole or by the end of its path."""
    named = {word for word in words(path) if re.fullmatch(r"[a-z0-9_/.]+(\.py|/)", word)}
    named = {word for word in named if not word.startswith("/")}
    assert len(named) > 10
    assert [name for name in sorted(named) if not is_there(name)] == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_each_test_that_is_named_is_there(path):
    """A file, or a function of one."""
    named = {*re.findall(r"(?:`|F=|netns/|unit/)(test_[a-z0-9_]+)\b(?!\*|_\*)", path.read_text())}
    source = "\n".join(one.read_text() for one in (ROOT / "tests/unit").glob("test_*.py"))
    files = {one.stem for one in (ROOT / "tests").rglob("test_*.py")}
    assert named
    assert [name for name in named - files if f"def {name}(" not in source] == []


def test_each_room_is_on_the_list():
    """What is in it, for somebody who looks for the place of a change."""
    rooms = {one.parent.name for one in SOURCE.glob("*/__init__.py")}
    table = WRITTEN[0].read_text().split("| room |")[1].split("\n\n")[0]
    assert rooms <= set(re.findall(r"`([a-z]+)/`", table))


def test_no_file_is_longer_than_a_subject():
    """CONTRIBUTING.md: a file that grows past its bound has two subjects."""
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in ("src", "tests")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert len(sizes) > 300
    assert {name: size for name, size in sizes.items() if size > LINES} == {}


def test_mutants_are_shown_to_tests_that_are_there():
    """tests/mutants/netns.txt: the beginning of a path, and files that can notice a change."""
    modules = [str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")]
    for line in (ROOT / "tests/mutants/netns.txt").read_text().splitlines():
        if not line.startswith("#"):
            start, *files = line.split()
            assert any(name.startswith(start) for name in modules), start
            assert all((ROOT / f"tests/netns/{name}.py").exists() for name in files), line

"""Files that ifupdown's file sources: each once, in their order, and not without end."""

import resource

import pytest

from dualwan.host.around import interfaces
from dualwan.host.around.interfaces import MAX_FILES

MEMORY = 512 << 20


def put(root, **texts):
    """Write files of /etc/network below ROOT."""
    folder = root / "etc/network"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)


def read(root):
    """Return the lines that are no source, each with its file."""
    found = [(one.path, one.text) for one in interfaces.lines(root)]
    return [(path, text) for path, text in found if not text.startswith("source")]


def test_a_sourced_file_stands_where_it_is_sourced(tmp_path):
    """So does what that sources; of several files the first comes first."""
    put(tmp_path, interfaces="auto a\nsource x y\nauto b\n", x="auto x\nsource z\nauto x2\n")
    put(tmp_path, y="auto y\n", z="auto z\n")
    words = [text.split()[1] for _, text in read(tmp_path)]
    assert words == ["a", "x", "z", "x2", "y", "b"]


@pytest.fixture(name="_little_memory")
def _limited():
    """Limit the address space, so that a list without end fails and takes nothing down."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:  # noqa: PTH123 - as short as it gets
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("_little_memory")
def test_a_file_that_sources_itself_is_read_once(tmp_path):
    """By however many names: two of them once made two readings of each, 370 deep."""
    text = "source ../network/*\nsource ../../etc/network/inter*\nauto a\n"
    put(tmp_path, interfaces=text)
    (tmp_path / "etc/network/link").symlink_to("interfaces")
    assert read(tmp_path) == [("/etc/network/interfaces", "auto a")]


def test_a_chain_of_files_has_an_end(tmp_path):
    """Nobody has as many, and ifupdown itself would read them all."""
    put(tmp_path, interfaces="source f0\n")
    put(tmp_path, **{f"f{at}": f"auto x{at}\nsource f{at + 1}\n" for at in range(MAX_FILES + 50)})
    assert len(read(tmp_path)) == MAX_FILES - 1


def test_two_asterisks_are_one(tmp_path):
    """As to wordexp(3): no tree is searched."""
    put(tmp_path, interfaces="source **/x\nsource deep/**\n")
    for folder in ("deep", "deep/deeper"):
        (tmp_path / "etc/network" / folder).mkdir()
        (tmp_path / "etc/network" / folder / "x").write_text("auto x\n")
    assert read(tmp_path) == [("/etc/network/deep/x", "auto x")]


@pytest.mark.parametrize("pattern", [".", "./", "/", "/.", "..", "[", "**/", "x\0", "a/" * 2000])
def test_a_pattern_that_is_none_sources_nothing(tmp_path, pattern):
    """Python's own glob has an IndexError for a dot alone, and no end of depth for a long one."""
    put(tmp_path, interfaces=f"source {pattern}\nauto a\n")
    assert read(tmp_path) == [("/etc/network/interfaces", "auto a")]


@pytest.mark.parametrize(
    "line", ["source {}", "source-directory {}", "mapping {}", "iface {} inet6"]
)
def test_a_pattern_is_as_long_as_a_path_at_most(tmp_path, line):
    """Python took a minute to read this one."""
    put(tmp_path, interfaces=f"{line.format('[' * 60_000)}\niface wan0 inet6 auto\n")
    assert interfaces.stanza("wan0", tmp_path) == "/etc/network/interfaces:2"

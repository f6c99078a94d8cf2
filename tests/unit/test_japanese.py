"""Documents in two languages: section by section the Japanese one says and commands the same.

A test cannot read Japanese. It holds what does not depend on the language: structure, commands,
names, figures and links. Who changes one document changes the other one at the same place.
"""

import posixpath
import re
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from pathlib import Path

import pytest
from japanese import other_figures

ROOT = Path(__file__).parents[2]
PAGES = (*ROOT.glob("*.ja.md"), *ROOT.glob("docs/**/*.ja.md"))
# Whoever writes a Japanese page has it held to the English one by that.
ENGLISH = sorted(str(page.relative_to(ROOT)).replace(".ja.md", ".md") for page in PAGES)
HEADING = re.compile(r"(#+) (.*)")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
# Of a drawing only the names are compared: what is between them is words and lines.
NAME = re.compile(r"IPv[46]|PPPoE|[a-z]+\d\w*")
DRAWN = re.compile(r"-{3}")
# What English says in a word, and Japanese with digits.
SPELLED = {"twentieth": "20", "a hundred": "100"}


def in_japanese(document):
    """Return the path of the Japanese ``document``."""
    return document.removesuffix(".md") + ".ja.md"


@dataclass
class Section:
    """A heading of ``document``, and the lines below it up to the next one of any level."""

    document: str
    level: int
    heading: str
    lines: list[str] = field(default_factory=list)

    def blocks(self, kind):
        """Return the blocks of ``kind`` ("code", "table" or "text"), each as its lines."""
        grouped = groupby(self.lines, kind_of)
        return [list(lines) for found, lines in grouped if found == kind]

    @property
    def prose(self):
        """What is not code: text and tables."""
        return "\n".join(line for line in self.lines if kind_of(line) != "code")

    @property
    def anchor(self):
        """What a link names the section by, as GitHub does."""
        return re.sub(r"[^\w -]", "", self.heading.lower()).replace(" ", "-")


def kind_of(line):
    """Return what ``line`` is part of; an empty one parts blocks."""
    if not line:
        return "nothing"
    if line.startswith("    "):
        return "code"
    return "table" if line.startswith("|") else "text"


def sections(document):
    """Return the sections of ``document`` in their order."""
    found = []
    for line in (ROOT / document).read_text(encoding="utf-8").splitlines():
        if match := HEADING.fullmatch(line):
            found.append(Section(document, len(match[1]), match[2]))
        else:
            found[-1].lines.append(line)
    return found


def told(block):
    """Return what the lines of ``block`` tell a machine, without comments and explanations.

    These stand after "#", or after two spaces, as in a list of commands with their purposes. A
    line of "#" and a path says where a file belongs, maybe after the names of machines.
    """
    if any(map(DRAWN.search, block)):
        return sorted(NAME.findall("\n".join(block)))
    explained = re.compile(r"((?<=\S)\s+#|(?<=\S)\s\s|^ +# (?!(router\d )*/)).*")
    return [explained.sub("", line) for line in block]


def cells(table):
    """Return the cells of each row of ``table``, where only a figure or nothing is kept as text.

    Of others the names in backquotes are: their words differ.
    """
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    figures = re.compile(r"[-+:\d. %msµ]*")
    return [[one if figures.fullmatch(one) else named(one) for one in row] for row in rows]


def named(text):
    """Return each command, key, path and value in backquotes."""
    return {" ".join(name.split()) for name in re.findall(r"`([^`]+)`", text)}


def translated(link, document):
    """Return where the Japanese ``document`` leads in place of ``link`` of the English one."""
    name, _, heading = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(document), name))
    target = target if name else document
    if target == in_japanese(document):
        return posixpath.basename(document)
    if target not in ENGLISH:
        return link
    anchors = {one.anchor: other.anchor for one, other in PAIRS if one.document == target}
    return (in_japanese(name) if name else "") + (f"#{anchors[heading]}" if heading else "")


PAIRS = [
    pair
    for document in ENGLISH
    for pair in zip_longest(sections(document), sections(in_japanese(document)))
]
each_document = pytest.mark.parametrize("document", ENGLISH)
each_section = pytest.mark.parametrize(
    ("english", "japanese"),
    [
        pytest.param(*pair, id=f"{pair[0].document}#{pair[0].anchor}" if pair[0] else "more")
        for pair in PAIRS
    ],
)


@each_document
def test_the_sections_are_the_same(document):
    """As many, in the same order by level; a heading is translated or names a thing."""
    levels = [[one.level for one in sections(of)] for of in (document, in_japanese(document))]
    assert levels[0] == levels[1]


@each_section
def test_commands_and_files_are_the_same(english, japanese):
    """Block by block; comments may be translated."""
    blocks = [[told(block) for block in one.blocks("code")] for one in (english, japanese)]
    assert blocks[0] == blocks[1]


@each_section
def test_no_paragraph_is_left_out(english, japanese):
    """Each paragraph and each item of a list has one in the other language."""
    assert len(english.blocks("text")) == len(japanese.blocks("text"))
    items = [re.findall(r"(?m)^(?:\d+\.|-) ", one.prose) for one in (english, japanese)]
    assert items[0] == items[1]


@each_section
def test_tables_have_the_same_rows(english, japanese):
    """With as many cells, and the same figures and names in them."""
    tables = [[cells(table) for table in one.blocks("table")] for one in (english, japanese)]
    assert tables[0] == tables[1]


@each_section
def test_what_is_named_is_the_same(english, japanese):
    """Each command, key, path and value in backquotes, however often."""
    assert named(english.prose) == named(japanese.prose)


@each_section
def test_figures_are_the_same(english, japanese):
    """Each number in digits; small ones that are words in English may be digits in Japanese."""
    texts = (one.heading + one.prose for one in (english, japanese))
    spelled = {number for word, number in SPELLED.items() if word in english.prose}
    assert other_figures(*texts) - spelled == set()


@each_section
def test_links_are_the_same(english, japanese):
    """They lead to the same section, in Japanese where that exists."""
    links = [translated(link, english.document) for link in LINK.findall(english.prose)]
    assert sorted(links) == sorted(LINK.findall(japanese.prose))


@each_document
def test_the_other_language_is_one_click_away(document):
    """The line below the title leads there."""
    for one, other in ((document, in_japanese(document)), (in_japanese(document), document)):
        below = (ROOT / one).read_text(encoding="utf-8").splitlines()[1]
        assert LINK.fullmatch(below)[1] == posixpath.basename(other)


@each_document
def test_the_package_has_both(document):
    """The English and the Japanese one are among its documents."""
    files = [ROOT / "packaging/debian" / name for name in ("docs", "install")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    placed = {line.split()[0] for line in lines if line}
    for one in map(Path, (document, in_japanese(document))):
        assert placed & {*map(str, (one, *one.parents))}, one

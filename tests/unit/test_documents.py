"""What is written for developers: links lead somewhere, and the glossary is the program's."""

import re
from pathlib import Path

import pytest
from glossary import GLOSSARY, rows

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "docs")
DOCUMENTS = sorted(
    (*ROOT.glob("*.md"), *(path for at in FOLDERS for path in (ROOT / at).rglob("*.md")))
)
LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")
TERMS = [row[0] for row in (*rows("Words of the field"), *rows("Words of this project"))]
GONE = [(old.strip("`"), new.strip("`")) for old, new in rows("Words that are gone")]


def texts(*folders):
    """Return each text in ``folders`` but the glossary, by path."""
    return {
        path: path.read_text(encoding="utf-8", errors="replace")
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh"} and path != GLOSSARY
    }


@pytest.fixture(name="source", scope="module")
def _source():
    """Return all of src as one text."""
    return "\n".join(texts("src").values())


@pytest.fixture(name="everything", scope="module")
def _everything():
    """Return each text of the program, its tests and its documents, by path."""
    return texts(*FOLDERS)


def anchors(document):
    """Return what a link can name in ``document``: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document):
    """To a file or folder of this repository, and to a heading where one is named."""
    for target in LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        assert ROOT in (path, *path.parents), target
        assert not heading or heading in anchors(path), target


def test_the_documents_lead_to_each_other():
    """Who opens README.md finds the others by links."""
    found, ahead = set(), [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        if document not in found and document.suffix == ".md":
            found.add(document)
            links = (link.partition("#")[0] for link in LINK.findall(document.read_text()))
            ahead += [(document.parent / link).resolve() for link in links if ":" not in link]
    assert set(DOCUMENTS) - found == set()


def test_each_promise_of_security_md_names_its_tests():
    """And each test that it names is there."""
    rows = re.findall(r"^\| .* \| (`.*`) \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([^`]*)`", row)]
    assert len(rows) > 10
    assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []


@pytest.mark.parametrize("term", TERMS)
def test_each_word_of_the_glossary_is_used(term, source):
    """In src, in singular or plural, as words or as a name."""
    words = re.escape(term).replace(r"\ ", r"[\s_-]+")
    assert re.search(rf"(?i)(?<![a-z]){words}(s|es)?(?![a-z])", source)


@pytest.mark.parametrize(("old", "new"), GONE)
def test_each_word_that_is_gone_is_gone(old, new, source, everything):
    """Its successor is in src, and no text of src, tests and docs has the old word."""
    words = re.escape(new).replace(r"\ ", r"[\s_-]+")
    assert re.search(rf"(?i)(?<![a-z]){words}", source) or [*(ROOT / "src").rglob(new)], new
    pattern = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w)")
    found = [path.relative_to(ROOT) for path, text in everything.items() if pattern.search(text)]
    assert found == []


def test_what_is_named_of_the_package_is_installed_there():
    """In pages and messages: the program itself, and each document below /usr/share/doc."""
    install = (ROOT / "packaging/debian/install").read_text()
    placed = {
        f"/{folder}/{Path(source).name}"
        for source, folder in (
            line.split() for line in install.splitlines() if line and not line.startswith("#")
        )
    }
    named = re.compile(r"/usr/s?bin/dualwan-hook|/usr/share/doc/dualwan-hook/docs/[\w-]+(?:\.\w+)*")
    told = [path for ending in ("py", "po") for path in (ROOT / "src").rglob(f"*.{ending}")]
    pages = [*DOCUMENTS, *(ROOT / "packaging/man").iterdir(), *told]
    found = {(page.name, path) for page in pages for path in named.findall(page.read_text())}
    assert len(found) > 3
    assert {one for one in found if one[1] not in placed} == set()

"""The pictures of docs/pictures show what the program prints, and can be read on any page."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from broken_lines import CASES
from golden_cases import GOLDEN, compare, plan_case
from status_data import NOON, data

from dualwan.planning import make_plan
from dualwan.report import doctor, plan, status
from dualwan.report.terminal import Terminal

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs/pictures"
COLOUR = re.compile("\x1b\\[[0-9;]*m")
TEXTS = GOLDEN / "pictures"
pytestmark = pytest.mark.usefixtures("tokyo")


def _status():
    return status.text(data(flushed=False), Terminal(80, colour=True, symbols=True), NOON)


def _doctor():
    (broken,) = (one for one in CASES if one.about == "a wrong PSID, by the table")
    return doctor.text(broken.made().diagnose(), terminal=Terminal(80, colour=True))


def _dry_run():
    case = plan_case("first-ifup")
    return plan.text(
        make_plan(case.config, case.host(), case.event), (), False, Terminal(80, colour=True)
    )


SCENES = {
    "status": ("dualwan-hook status", _status),
    "doctor": ("dualwan-hook doctor", _doctor),
    "dry-run": ("dualwan-hook --dry-run", _dry_run),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_text_is_what_the_program_prints(name):
    """For a router of the golden cases, with its colours, below the command."""
    command, scene = SCENES[name]
    compare(TEXTS / f"{name}.txt", f"$ {command}\n{scene()}\n")


@pytest.mark.parametrize("name", SCENES)
def test_a_picture_is_drawn_of_its_text(name):
    """`make pictures` would change nothing; what it shows is the text, folded at 80 columns."""
    text, picture = ((TEXTS / f"{name}.txt").read_text(), (PICTURES / f"{name}.svg").read_text())
    drawn = subprocess.run(
        [sys.executable, "-I", ROOT / "packaging/picture", SCENES[name][0]],
        input=text,
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert drawn.stdout == picture, "run `make pictures`"
    shown = re.findall(r"<text [^>]*>(.*?)</text>", picture)
    assert unescape("".join(shown)) == COLOUR.sub("", text).replace("\n", "")
    starts = re.findall(r'<text x="([0-9.]+)" y="\d+" textLength="([0-9.]+)"', picture)
    assert max(float(x) + float(length) for x, length in starts) <= 16 + 80 * 8.4 + 0.1


def test_every_picture_has_a_text_and_is_shown():
    """Each in one document at least, also in the Japanese one beside it."""
    assert {file.stem for file in PICTURES.iterdir()} == {file.stem for file in TEXTS.iterdir()}
    assert {file.stem for file in TEXTS.iterdir()} >= {*SCENES}
    for document in ("README.md", "README.ja.md"):
        found = re.findall(
            r"!\[[^]]+\]\(docs/pictures/([a-z-]+)\.svg\)", (ROOT / document).read_text()
        )
        assert sorted(found) == sorted(file.stem for file in PICTURES.iterdir())


def _luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(factor * part for factor, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_stands_out(theme):
    """With a contrast of 4.5 at least (WCAG 2.1, 1.4.3), on a page of either theme."""
    light, dark = (PICTURES / "status.svg").read_text().split("@media", 1)
    rules = light if theme == "light" else dark
    colours = re.findall(r"fill:(#[0-9a-f]{6})", rules.split("</style>")[0])
    background, *others = map(_luminance, colours)
    assert len(others) == 4
    for other in others:
        high, low = max(background, other), min(background, other)
        assert (high + 0.05) / (low + 0.05) >= 4.5

"""The sentences of the source and of the catalogues: what say() and listed() are called with."""

import ast
import re
from pathlib import Path
from string import Formatter
from typing import NamedTuple

import dualwan

ROOT = Path(dualwan.__file__).parent
CATALOGUES = ROOT / "locale" / "ja" / "LC_MESSAGES"
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPES = {r"\"": '"', r"\\": "\\", r"\n": "\n", r"\t": "\t"}


class Entry(NamedTuple):
    """An entry of a catalogue. code: in the comment above it. place: file and line."""

    code: str
    english: str
    translated: str
    place: str


def of_source():
    """Return the files that have each sentence, by sentence."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            if name in {"say", "listed"} and isinstance(first, ast.Constant) and first.value:
                found.setdefault(first.value, []).append(str(path.relative_to(ROOT)))
    return found


def variable():
    """Return the places where say() is called with something else than a text."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "say"
        and not (node.args and isinstance(node.args[0], ast.Constant))
    ]


def of_catalogues():
    """Return the entries of the .po files but for their heads, in order."""
    return [
        one for path in sorted(CATALOGUES.glob("*.po")) for one in _entries(path) if one.english
    ]


def _entries(path):
    code, texts, field, place = "", {"msgid": "", "msgstr": ""}, "", ""
    for number, line in enumerate([*path.read_text().splitlines(), ""], 1):
        if line.startswith("#. "):
            code = line[3:]
        elif line.startswith(("msgid ", "msgstr ")):
            field = line.split()[0]
            place = place or f"{path.name}:{number}"
        if text := _STRING.search(line):
            texts[field] += re.sub(r"\\.", lambda one: _ESCAPES[one[0]], text[1])
        elif not line and place:
            yield Entry(code, texts["msgid"], texts["msgstr"], place)
            code, texts, place = "", {"msgid": "", "msgstr": ""}, ""


def placeholders(text):
    """Return the placeholders of a sentence, with the form they ask for."""
    return sorted(
        (name, form, conversion or "")
        for _, name, form, conversion in Formatter().parse(text)
        if name is not None
    )

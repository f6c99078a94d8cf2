"""The text of a configuration: the commented example with values filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dualwan.errors import HostError, legible
from dualwan.setup.outcome import Redirect
from dualwan.setup.wish import Setting, toml
from dualwan.words import say

_HEADER = re.compile(r"\[([a-z.]+)\]\s*")
_KEY = re.compile(r"(?:# ?)?([a-z][a-z0-9-]*) = ([^#\n]*?)(\s*#.*)?")
_COMMENTS_FROM = 44  # the column of a comment after a value
_FROM = "# (from "
_WRITTEN = "# Written by `dualwan-hook init`; `(from ...)` above a key says what it was taken from."


def packaged(name: str = "dualwan.toml", folder: str = "etc") -> str:
    """Return the text of a file of the package, by default of the commented example.

    In a checkout it is in ``folder``. Raises HostError.
    """
    here = Path(__file__)
    for path in (here.parent / name, here.parents[3] / folder / name):
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            continue
    raise HostError(say("{path}: is missing; the package is not whole", path=here.parent / name))


def filled(
    template: str, settings: Iterable[Setting], forwards: Sequence[tuple[Redirect, str]] = ()
) -> str:
    """Return ``template`` with ``settings`` filled in, and the tables of ``forwards`` at the end.

    A setting replaces the first line with its key in its section, commented out or not.
    """
    wanted = {(one.section, one.key): one for one in settings}
    lines: list[str] = []
    section = ""
    for line in template.splitlines():
        if header := _HEADER.fullmatch(line):
            section = header[1]
        found = _KEY.fullmatch(line)
        setting = wanted.pop((section, found[1]), None) if found else None
        lines += [line] if setting is None or found is None else _line(setting, found[3] or "")
    if wanted:
        raise HostError(say("the example of the package lacks {keys}", keys=sorted(wanted)))
    lines[1:1] = [_WRITTEN]
    return "\n".join([*lines, *(line for one in forwards for line in _forward(*one))]) + "\n"


def _line(setting: Setting, comment: str) -> list[str]:
    text = f"{setting.key} = {setting.toml}"
    if comment.strip():
        text = f"{text:{_COMMENTS_FROM - 1}} {comment.strip()}"
    above = [_origin(setting.origin)] if setting.origin else []
    return [*above, text]


def _origin(place: str) -> str:
    """Return the comment with the origin of a value, made a single line."""
    return f"{_FROM}{legible(place)})"


def _forward(forward: Redirect, origin: str) -> list[str]:
    return [
        "",
        _origin(origin),
        "[[forward]]",
        f"via = {toml(forward.via)}",
        f"protocol = {toml(forward.protocol)}",
        f"port = {forward.port}",
        f"to = {toml(forward.to)}",
        *([f"from = {toml(list(forward.sources))}"] if forward.sources else []),
    ]


def shown(text: str) -> list[str]:
    """Return the lines of ``text`` with a value: without comments and empty sections."""
    lines: list[str] = []
    pending: list[str] = []
    for line in text.splitlines():
        if line.startswith("["):
            pending = [*(one for one in pending if one.startswith(_FROM)), line]
        elif line.startswith(_FROM):
            pending.append(line)
        elif line and not line.startswith("#"):
            lines += [*pending, re.sub(r"\s+#.*", "", line)]
            pending = []
    return lines

"""The files of docs/two-routers.md, for two routers in namespaces and in guests."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "two-routers.md"
_BLOCK = re.compile(r"^    # ((?:router\d )+)(/\S+)\n((?:    .*\n|\n)+)", re.MULTILINE)


def files(router):
    """Return the files of a router on the page, by path."""
    text = PAGE.read_text()
    return {
        path: re.sub("^    ", "", body, flags=re.MULTILINE).rstrip("\n") + "\n"
        for names, path, body in _BLOCK.findall(text)
        if router in names.split()
    }

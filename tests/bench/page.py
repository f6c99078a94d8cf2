"""Results on a page: a part of docs/performance.md, and the plots beside it."""

import os
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
COLOURS = ("#999999", "#0b6fa4", "#d9822b", "#5b8c5a", "#c9c9c9", "#7a5195")
WIDTH, LABELS, RIGHT, TOP = 760, 190, 60, 56  # pixels
BAR, GAP = 11, 12
LETTERS = 'font-family="sans-serif" font-size="11"'


def write(name, text, page=PAGE):
    """Replace the part NAME of PAGE, between its markers, by TEXT."""
    old = page.read_text()
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, rest = old.split(begin)
    page.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{rest.split(end)[1]}")


def machine(load):
    """Return what the figures were measured on; LOAD: os.getloadavg() at the beginning."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((one.split(": ")[1] for one in lines if one.startswith("model name")), "unknown")
    guest = any(one.startswith("flags") and " hypervisor" in one for one in lines)
    loads = f"{load[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    return (
        f"Measured on {os.cpu_count()} processors {model}{', a virtual machine' if guest else ''}, "
        f"Linux {os.uname().release}; load average {loads}."
    )


def _svg(width, height, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {LETTERS}>'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>\n"])


def _text(x, y, text, anchor="start", weight="normal"):
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def _legend(names):
    parts = []
    for at, name in enumerate(names):
        x = 10 + at * 145
        parts += [
            f'<rect x="{x}" y="30" width="10" height="10" fill="{COLOURS[at]}"/>',
            _text(x + 15, 39, name),
        ]
    return parts


def bars(title, unit, groups):
    """Return an SVG of GROUPS, by name: values by series; UNIT: of the values."""
    series = list(next(iter(groups.values())))
    most = max(value for values in groups.values() for value in values.values())
    scale = (WIDTH - LABELS - RIGHT) / most
    parts, y = [_text(10, 18, f"{title}, {unit}", weight="bold"), *_legend(series)], TOP
    for group, values in groups.items():
        parts.append(_text(LABELS - 8, y + len(series) * BAR / 2 + 4, group, "end"))
        for at, (name, value) in enumerate(values.items()):
            colour = COLOURS[series.index(name)]
            top = y + at * BAR
            parts += [
                f'<rect x="{LABELS}" y="{top}" width="{value * scale:.1f}" height="{BAR - 1}" '
                f'fill="{colour}"/>',
                _text(LABELS + value * scale + 4, top + BAR - 2, f"{value:.2f}"),
            ]
        y += len(series) * BAR + GAP
    return _svg(WIDTH, y, parts)

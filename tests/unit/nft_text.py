"""nft text that a person can review: no long line, no thousand ports, only what differs."""

import re
from difflib import SequenceMatcher, unified_diff
from hashlib import sha256
from itertools import groupby

LONGEST = 9  # elements of a set or map that is shown
WIDTH = 100  # letters of a line
INDENT = re.compile(r"[+-]?\s*")
SPACE = re.compile(r' (?=(?:[^"]*"[^"]*")*[^"]*$)')  # outside of a string


def reviewable(text):
    """Return ``text`` with long sets and maps as a digest, and lines that repeat as one."""
    short = re.sub(r"\{ ([^{}\n]*) \}", _digest, text)
    lines = ((line, len([*same])) for line, same in groupby(short.splitlines()))
    return "".join(f"{line}{f'  (x {count})' if count > 1 else ''}\n" for line, count in lines)


def _digest(found):
    items = found[1].split(", ")
    if len(items) <= LONGEST or ":" not in items[0] or not items[0][0].isdigit():
        return found[0]
    return f"{{ <{len(items)} elements, sha256 {sha256(found[1].encode()).hexdigest()[:12]}> }}"


def folded(text):
    r"""Return ``text`` with a backslash at the end of each line that goes on: nft reads it so."""
    return "".join(_folded(line) for line in text.splitlines())


def _folded(line):
    start = INDENT.match(line)[0].replace("+", " ").replace("-", " ")
    found, *words = [line] if len(line) <= WIDTH else SPACE.split(line)
    lines = []
    for word in words:
        if len(found) + len(word) + 3 > WIDTH and found.strip("+- \t"):
            lines.append(f"{found} \\\n")
            found = f"{start}    {word}"
        else:
            found += f" {word}"
    return "".join([*lines, f"{found}\n"])


def difference(old, new):
    """Return what ``new`` has, drops and changes, block by block; "" where both are the same."""
    assert old.splitlines()[0] == new.splitlines()[0], "not the same table"
    before, after = _blocks(old), _blocks(new)
    heads = [*before], [*after]
    found = {}
    for what, low, high, start, end in SequenceMatcher(None, *heads, autojunk=False).get_opcodes():
        if what == "equal":
            for head in heads[0][low:high]:
                found[f"in {head}"] = _changes(before[head], after[head])
            continue
        for head in heads[0][low:high]:
            found[f"without {head}"] = "- ...\n"
        for at, head in enumerate(heads[1][start:end], start):
            place = f", after {heads[1][at - 1]}" if at else ""
            found[f"with {head}{place}"] = "".join(f"+ {line}\n" for line in after[head] or ["{}"])
    return "".join(_entry(place, found) for place, text in found.items() if text)


def _entry(place, found):
    """Return one block; UDP's is not said again where it is TCP's to the letter."""
    twin = place.replace("udp", "tcp")
    if twin != place and found[place] == found.get(twin, "").replace("tcp", "udp"):
        return f"{place}: as {twin}\n"
    return f"{place}:\n{found[place]}\n"


def _changes(old, new):
    lines = [*unified_diff(old, new, n=1, lineterm="")][2:]
    return "".join("...\n" if line[0] == "@" else f"{line[0]} {line[1:]}\n" for line in lines)


def _blocks(text):
    """Return the lines of each block by its first line, without that of the table."""
    head = ""
    found = {}
    for line in text.splitlines()[1:-1]:
        if line.startswith("\t\t"):
            found[head].append(line[2:])
        elif line != "\t}":
            head = line[1:].removesuffix(" {")
            found[head] = []
    return found

"""What a man page in mdoc says in which entry, as far as that does not depend on its language."""

import re
from dataclasses import dataclass, field

# Macros whose arguments are names. Of some each word is one: `.Cm up | down`.
WORDS = frozenset({"Cm", "Ev", "Fl", "Ic"})
NAMES = WORDS | {"Dq", "Li", "Pa", "Ql", "Qq", "Sx", "Xr"}
OTHERS = frozenset({"Ar", "Nm", "No", "Ns", "Op", "Pq", "Ta"})
DELIMITERS = frozenset(".,:;()|")


@dataclass
class Entry:
    """A section, an item of a list, or what follows a list, with the lines up to the next entry.

    label: how it begins, such as "OPTIONS --watch"; "" in place of words of a language.
    """

    label: str
    lines: list[str] = field(default_factory=list)

    @property
    def names(self):
        """Each name that is marked, as (macro, name)."""
        return {name for line in self.lines for name in names_in(line)}

    @property
    def literals(self):
        """The lines of displays, and lines such as `.Dl dualwan-hook`."""
        text = "\n".join(self.lines)
        return re.findall(r"^\.Bd .*\n([\s\S]*?)\n\.Ed|^\.Dl (.*)", text, re.MULTILINE)

    @property
    def paragraphs(self):
        """How often one ends."""
        return self.lines.count(".Pp")


def names_in(line):
    """Yield each (macro, name) of a line of the source."""
    if not line.startswith("."):
        return
    macro, words = "", []
    for word in [*line[1:].split(), "No"]:
        if word in NAMES | OTHERS:
            if macro in NAMES and words:
                names = words if macro in WORDS else [" ".join(words)]
                yield from ((macro, name) for name in names)
            macro, words = word, []
        elif word not in DELIMITERS:
            words.append(word)


def label_of(line):
    """Return what an `.It` names, or its one word that is the same in each language, or ""."""
    names = list(names_in(line))
    if names:
        return " ".join(f"-{name}" if macro == "Fl" else name for macro, name in names)
    words = line.removeprefix(".It ")
    return words if re.fullmatch(r"[\w-]+", words, re.ASCII) else ""


def entries(page):
    """Return the entries of ``page`` in their order."""
    found, section = [], ""
    for line in page.splitlines():
        if line.startswith(".Sh "):
            section = line.removeprefix(".Sh ")
            found.append(Entry(section))
        elif line.startswith(".Ss "):
            section = line.removeprefix(".Ss ")
            found.append(Entry(section))
        elif line.startswith(".It "):
            found.append(Entry(f"{section} {label_of(line)}".strip(), [line]))
        elif line == ".El":
            found.append(Entry(f"{section}, below a list"))
        elif found:
            found[-1].lines.append(line)
    return found


def head(page):
    """Return date, title and system of ``page``."""
    return [line for line in page.splitlines() if line.startswith((".Dd", ".Dt", ".Os"))]

"""A list of conditions, of which the first match decides, as nft chains. Pure.

A packet needs one lookup per field, whatever the length and order of the list. The list is turned
into a decision diagram (Gouda and Liu, Firewall Design, 2004): a chain tests one field, and its
value leads to a chain that tests the next one, among those rows alone that can still match. Each
end is the first of these rows, so the order is in the diagram and costs nothing.

For rows of many different shapes the diagram could become too large. The list is then cut in two,
and the second half is tested if the first has no match.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from dualwan.nft.table import Block, chain, elements

# Elements of a diagram, each counted as often as the kernel visits it when it checks the chains.
LARGEST = 4096

Span = tuple[int, int]  # the first and the last value
Node = tuple[str, int]  # a verdict, "" for no match; and its size, as in LARGEST


class Field(NamedTuple):
    """A field to test: its name in chain names, its nft expression, and its values as nft text."""

    name: str
    nft: str
    text: Callable[[Span], str]


class Row(NamedTuple):
    """A verdict, and for each field the values that match; () for all."""

    verdict: str
    spans: Sequence[Sequence[Span]]


class Diagram:
    """The chains of ``rows``; a set of rows is a number, whose bit n stands for the row n."""

    def __init__(self, fields: Sequence[Field], rows: Sequence[Row]) -> None:
        self.blocks: list[Block] = []
        self._fields, self._rows = fields, rows
        # By field, the rows that test it, and the rows that test no field from there on.
        self._asking = [
            sum(1 << at for at, row in enumerate(rows) if row.spans[field])
            for field in range(len(fields))
        ]
        self._done = [(1 << len(rows)) - 1]
        for asking in reversed(self._asking):
            self._done.insert(0, self._done[0] & ~asking)
        self._known: dict[tuple[int, int], Node] = {}
        self._split: dict[tuple[int, int], list[tuple[Span, int]]] = {}
        self._texts: dict[tuple[int, Span], str] = {}

    def decide(self, groups: Sequence[int]) -> list[list[str]]:
        """Return the verdicts on packets that only the rows of a set can match.

        ``groups``: such sets. Each list has a verdict for each of them; the lists are to be tried
        one after another, until one has a verdict.
        """
        return self._parts(groups, 0, len(self._rows))

    def _parts(self, groups: Sequence[int], start: int, end: int) -> list[list[str]]:
        before = len(self.blocks)
        part = (1 << end) - (1 << start)
        largest = LARGEST if end - start > 1 else 1 << 62
        nodes = {live: self._node(0, live, largest) for live in {one & part for one in groups}}
        if sum(size for _, size in nodes.values()) <= largest:
            return [[nodes[one & part][0] for one in groups]]
        del self.blocks[before:]
        self._known.clear()
        middle = (start + end) // 2
        return [*self._parts(groups, start, middle), *self._parts(groups, middle, end)]

    def _node(self, field: int, live: int, largest: int) -> Node:
        """Return the verdict on packets that only ``live`` rows can match, from ``field`` on."""
        if every := live & self._done[field]:
            live &= ((every & -every) << 1) - 1  # rows after one that matches all are never reached
        if not live:
            return "", 0
        first = live & -live
        if first & self._done[field]:
            return self._rows[first.bit_length() - 1].verdict, 0
        while not live & self._asking[field]:
            field += 1
        key = (field, live)
        if key not in self._known:
            self._known[key] = self._ask(field, live, largest)
        return self._known[key]

    def _ask(self, field: int, live: int, largest: int) -> Node:
        """Return the verdict that leads to a chain that tests ``field``."""
        elsewhere = live & ~self._asking[field]
        other, size = self._node(field + 1, elsewhere, largest)
        values: dict[str, list[Span]] = defaultdict(list)
        for span, here in self._regions(field, live ^ elsewhere):
            verdict, more = self._node(field + 1, here | elsewhere, largest)
            size += more + 1
            if size > largest:
                return "", size
            if verdict != other:
                _append(values[verdict], span)
        if not values:
            return other, size
        return f"goto {self._chain(field, values, other)}", size

    def _regions(self, field: int, asking: int) -> list[tuple[Span, int]]:
        """Return the value ranges, between all ends of spans of ``asking``, that some row matches.

        Each comes with the rows that match it. Results are kept, as most chains of a field test the
        same rows.
        """
        if (field, asking) not in self._split:
            self._split[field, asking] = _split(
                (row, self._rows[row.bit_length() - 1].spans[field]) for row in _bits(asking)
            )
        return self._split[field, asking]

    def _text(self, field: int, span: Span) -> str:
        if (field, span) not in self._texts:
            self._texts[field, span] = self._fields[field].text(span)
        return self._texts[field, span]

    def _chain(self, field: int, values: dict[str, list[Span]], other: str) -> str:
        """Make a chain that tests ``field``; return its name.

        If all ``values`` have the same verdict, it is a rule with a set, so the kernel checks it
        once.
        """
        name, nft, _ = self._fields[field]
        if len(values) == 1:
            [(verdict, spans)] = values.items()
            rules = [f"{nft} {elements(self._text(field, span) for span in spans)} {verdict}"]
        else:
            found = sorted((span, verdict) for verdict, spans in values.items() for span in spans)
            pairs = (f"{self._text(field, span)} : {verdict}" for span, verdict in found)
            rules = [f"{nft} vmap {elements(pairs)}"]
        called = f"{name}_{len(self.blocks) + 1}"
        comment = f"asks for the {name}"
        self.blocks.append(chain(called, *rules, *([other] if other else []), comment=comment))
        return called


def _bits(rows: int) -> Iterator[int]:
    """Yield each bit of ``rows``, alone."""
    while rows:
        yield (row := rows & -rows)
        rows ^= row


def _split(asking: Iterable[tuple[int, Sequence[Span]]]) -> list[tuple[Span, int]]:
    """Return the value ranges between all ends of spans that some row matches, with these rows."""
    ends: dict[int, int] = defaultdict(int)
    for row, spans in asking:
        for first, last in spans:
            ends[first] ^= row
            ends[last + 1] ^= row
    fitting, found = 0, []
    for first, after in pairwise(sorted(ends)):
        fitting ^= ends[first]
        if fitting:
            found.append(((first, after - 1), fitting))
    return found


def _append(spans: list[Span], span: Span) -> None:
    """Append ``span``, which is after all of ``spans``, to the last one if it touches that."""
    if spans and spans[-1][1] + 1 == span[0]:
        spans[-1] = (spans[-1][0], span[1])
    else:
        spans.append(span)

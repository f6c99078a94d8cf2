"""What nft prints about tables. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

_BY_INDEX = re.compile(r'^\t+oif "([^"]+)" .*\n', re.MULTILINE)
_COUNTER = re.compile(r"^\tcounter (\S+) \{\n(?:\t\tcomment .*\n)?\t\tpackets (\d+) ", re.MULTILINE)


def one_table(ruleset: str, family: str, name: str) -> str:
    """Return the table of that name as it stands in a listed ``ruleset``, "" for none."""
    head, end = f"table {family} {name} {{\n", "\n}\n"
    _, found, rest = f"\n{ruleset}".partition(f"\n{head}")
    return head + rest.partition(end)[0] + end if found else ""


def packets(listing: str) -> dict[str, int]:
    """Return what the named counters of a listed table say."""
    return {name: int(count) for name, count in _COUNTER.findall(listing)}


def with_indexes(listing: str, index: Callable[[str], int | None]) -> str:
    """Return a listing that does not depend on which devices there are.

    The kernel compares an index, and nft lists the name that the index has at the moment, or
    the index where there is no such device. In the result all are indexes. A name without
    an index went between the listing and this look; its rule is left out.
    """

    def rule(found: re.Match[str]) -> str:
        number = index(found[1])
        return found[0].replace(f'"{found[1]}"', str(number), 1) if number else ""

    return _BY_INDEX.sub(rule, listing)

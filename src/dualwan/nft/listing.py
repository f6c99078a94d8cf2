"""Listings of tables by nft. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

_BY_INDEX = re.compile(r'^\t+oif "([^"]+)" .*\n', re.MULTILINE)
_COUNT = re.compile(r"^(\t\tsize \d+)\t# count \d+$", re.MULTILINE)


def one_table(ruleset: str, family: str, name: str) -> str:
    """Return the text of a table in a listed ``ruleset``, "" if it is not there.

    The counts of elements, which nft 1.1.7 adds to its sets, are removed.
    """
    head, end = f"table {family} {name} {{\n", "\n}\n"
    _, found, rest = f"\n{ruleset}".partition(f"\n{head}")
    return _COUNT.sub(r"\1", head + rest.partition(end)[0] + end) if found else ""


def with_indexes(listing: str, index: Callable[[str], int | None]) -> str:
    """Return ``listing`` with indexes in place of output devices, to be compared.

    The kernel stores an index. nft lists its present name, or the index if there is no such
    device; so the listing of an unchanged table depends on the devices. ``index`` returns
    the index of a name, None for a device that went since the listing; its rule is omitted.
    """

    def rule(found: re.Match[str]) -> str:
        number = index(found[1])
        return found[0].replace(f'"{found[1]}"', str(number), 1) if number else ""

    return _BY_INDEX.sub(rule, listing)

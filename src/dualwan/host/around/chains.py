"""Chains of other programs in the kernel, with their rules: nft, iptables-nft, iptables-legacy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dualwan.errors import HostError
from dualwan.host import nft_names, xtables
from dualwan.host.nft import Nft
from dualwan.nft.foreign import iptables, listed
from dualwan.nft.foreign.chain import Chain

_OURS = "dualwan_"
_FAMILIES = ("ip", "ip6", "inet", "netdev")  # those that a router's packets pass
# A name that nft can parse; the kernel accepts any.
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
# What the parsing of an unknown version's listing may raise; the table is then left out.
_NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError, StopIteration)
_OF_IPTABLES = ("filter", "nat", "mangle", "raw", "security")


def look() -> tuple[Chain, ...]:
    """Return the chains of other programs' tables with a base chain; none without root."""
    return (*_of_nft(), *_of_legacy())


def _of_nft() -> Iterator[Chain]:
    if not _has_others():
        return
    try:
        tables = _tables(Nft.objects("list chains"))
    except _NOT_UNDERSTOOD:
        return
    for family, table in tables:
        try:
            yield from _of_table(family, table)
        except _NOT_UNDERSTOOD:
            continue


def _has_others() -> bool:
    """Whether another program has a table; libnftables would read all of ours to find out."""
    try:
        return any(not name.startswith(_OURS) for name in nft_names.names())
    except OSError:  # let libnftables try
        return True


def _of_table(family: str, table: str) -> list[Chain]:
    """Return the chains of a table; raises those of _NOT_UNDERSTOOD."""
    command = f"list table {family} {table}"
    objects = Nft.objects(command)
    if table in _OF_IPTABLES and listed.is_of_iptables(objects):
        saved = _saved("iptables-nft" if family == "ip" else "ip6tables-nft", table)
        if saved:
            return saved
    found = listed.chains(objects)
    return listed.with_devices(found, Nft().text(command)) if family == "netdev" else found


def _tables(objects: Iterable[dict[str, dict[str, str]]]) -> list[tuple[str, str]]:
    """Return family and name of each table of other programs with a base chain, each once.

    Raises those of _NOT_UNDERSTOOD.
    """
    chains = [item["chain"] for item in objects if "chain" in item]
    found = dict.fromkeys(
        (one["family"], one["table"])
        for one in chains
        if "hook" in one and one["family"] in _FAMILIES
    )
    return [
        (family, table)
        for family, table in found
        if not table.startswith(_OURS) and _WORD.fullmatch(table)
    ]


def _of_legacy() -> Iterator[Chain]:
    for title in xtables.tables():
        which, table = title.split()
        if table in _OF_IPTABLES:
            yield from _saved(which, table)


def _saved(which: str, table: str) -> list[Chain]:
    """Return the chains that ``which``-save prints of ``table``; none if it fails."""
    from dualwan.host import program  # noqa: PLC0415 - only for iptables

    try:
        code, printed, _ = program.output([f"{which}-save", "-t", table])
        family = "ip6" if which.startswith("ip6") else "ip"
        return iptables.chains(printed, which, family) if code == 0 else []
    except (HostError, *_NOT_UNDERSTOOD):  # not installed, for one
        return []

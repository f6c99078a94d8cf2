"""/run/dualwan/tables: a record of each nft table of ours as it was loaded.

nft lists a table in other words than those in which it was loaded. So a record has the blocks as
loaded, from which the next transaction is built, and the digest of the table's handles right after
the load (host.nft_handles): if the digest is another one now, another program has changed the
table.

A run can be killed between the transaction and its record. So the table is recorded as expected
before the load, with a stamp that the table carries in the kernel (``expect``).
"""

from __future__ import annotations

from typing import Any

from dualwan.digest import sha256
from dualwan.frozen import NamedTuple
from dualwan.host import noted, run_files
from dualwan.host.run_files import BROKEN
from dualwan.model.observed import TableId
from dualwan.nft import stored
from dualwan.nft.table import NftTable

TABLES = "tables"  # folder of records, one file a table
_EXPECTED = ".expected.json"


class Record(NamedTuple):
    """A table as loaded.

    digest: of its handles. "" in a record of 0.1.0, which has ``listing`` instead: the digest of
    nft's listing. stamp: the one that the table carries. generation: of the ruleset before the
    load, in a record that was written before it.
    """

    table: NftTable
    digest: str = ""
    stamp: str = ""
    listing: str = ""
    generation: int = 0


def load(table: TableId) -> Record | None:
    """Return the record of a table that was loaded; None without one, or if it is broken."""
    try:
        name = _name(table.name)
        there = (run_files.directory() / name).exists()
        return _decode(table, run_files.read(name) if there else _old_tables()[table.name])
    except BROKEN:
        return None


def expected(table: TableId) -> Record | None:
    """Return the record of a table that a run was about to load when it ended."""
    try:
        return _decode(table, run_files.read(_expected_name(table.name)))
    except BROKEN:
        return None


def all_expected() -> list[TableId]:
    """Return the tables that a run was about to load when it ended."""
    found = []
    for path in (run_files.directory() / TABLES).glob(f"*{_EXPECTED}"):
        try:
            family = noted.family(run_files.read(f"{TABLES}/{path.name}")["family"])
            found.append(TableId(family, noted.table(path.name.removesuffix(_EXPECTED))))
        except BROKEN:
            continue
    return found


def save(record: Record) -> None:
    """Keep the record of a table that is loaded; raises HostError."""
    take_over()
    run_files.write(_name(record.table.name), _encode(record))
    run_files.remove(_expected_name(record.table.name))


def expect(record: Record) -> None:
    """Keep the record of a table that will be loaded; raises HostError."""
    take_over()
    run_files.write(_expected_name(record.table.name), _encode(record))


def give_up(name: str) -> None:
    """Remove the record of a load that has failed; raises HostError."""
    run_files.remove(_expected_name(name))


def forget(name: str) -> None:
    """Remove the records of a table; raises HostError."""
    take_over()
    run_files.remove(_name(name))
    run_files.remove(_expected_name(name))


def digest(listing: str) -> str:
    """Return the digest of nft's ``listing`` of a table, as in a record of an earlier version."""
    return sha256(listing.encode()).hexdigest()


def take_over() -> None:
    """Write the records of a state file of 0.1.0, all or none, before that is overwritten."""
    if (run_files.directory() / TABLES).exists():
        return
    try:
        old = _old_tables()
    except BROKEN:
        return
    for name, record in old.items():
        run_files.write(f"{TABLES}.new/{name}.json", record)
    if old:
        with run_files.failing_as(TABLES) as target:
            target.with_name(f"{TABLES}.new").rename(target)


def _name(name: str) -> str:
    return f"{TABLES}/{name}.json"


def _expected_name(name: str) -> str:
    return f"{TABLES}/{name}{_EXPECTED}"


def _encode(record: Record) -> dict[str, Any]:
    return {
        "family": record.table.family,
        "blocks": stored.encode(record.table),
        "digest": record.digest,
        "stamp": record.stamp,
        "generation": record.generation,
    }


def _decode(table: TableId, data: Any) -> Record:
    """Return the record in ``data``; raises those of BROKEN."""
    return Record(
        stored.decode(table.family, table.name, data["blocks"]),
        str(data.get("digest", "")),
        str(data.get("stamp", "")),
        str(data.get("listing", "")),
        int(data.get("generation", 0)),
    )


def _old_tables() -> dict[str, dict[str, Any]]:
    """Return the records by name in a state file of 0.1.0."""
    from dualwan.nft import legacy  # noqa: PLC0415 - once, after an upgrade

    tables = run_files.read(run_files.STATE)["tables"]
    return {
        noted.table(name): {"blocks": stored.encode(table), "listing": digest(listing)}
        for name, (text, listing) in tables.items()
        if (table := legacy.table(text))
    }

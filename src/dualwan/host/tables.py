"""The nft tables of this program: loaded, recorded, and compared with those in the kernel.

If no program has changed any nft rule of the machine since the last look, one request to the kernel
shows that (the generation of the ruleset, 0.02 ms), and no table is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from dualwan.errors import HostError, KernelError, RecordError
from dualwan.frozen import NamedTuple, replace
from dualwan.host import nft_handles, records, run_files
from dualwan.host.nft import Nft, NotPermitted
from dualwan.host.nft_handles import STAMP, Seen
from dualwan.host.records import Record
from dualwan.model.observed import TableId
from dualwan.nft.table import NftTable, chain

SEEN = "seen.json"


class _Look(NamedTuple):
    """Tables as they were at a generation of the ruleset; 0 for an unknown one."""

    generation: int
    seen: Mapping[tuple[str, str], Seen | None]


NOTHING = _Look(0, {})


class Tables:
    """The tables of this program.

    recording: whether this process holds the lock of the run directory, and so may write there.
    """

    def __init__(self, nft: Nft) -> None:
        self.recording = False
        self._nft = nft
        self._last: _Look | None = None
        self._saved = NOTHING

    def observe(self, asked: Sequence[TableId]) -> tuple[NftTable, ...] | None:
        """Return those of ``asked`` that exist as they were loaded; None without the permission.

        Raises KernelError.
        """
        if not asked:
            return ()
        unrecorded = records.all_expected() if self.recording else []
        try:
            with _asking():
                now = self._look([*asked, *unrecorded])
            found = {
                table: self._as_loaded(table, seen, now.generation)
                for table in (*unrecorded, *asked)
                if (seen := now.seen[table.family, table.name])
            }
        except NotPermitted:
            return None
        finally:
            self._save()
        if self.recording:  # a missing table needs no record, whoever removed it
            for table in asked:
                if table not in found:
                    with suppress(HostError):
                        records.forget(table.name)
        return tuple(found[table] for table in asked if table in found)

    def load(self, table: NftTable, was: object) -> None:
        """Load a table and record it; if ``was`` is intact, the transaction changes only that.

        Raises KernelError, or RecordError if the table is loaded but cannot be recorded.
        """
        stamp = os.urandom(8).hex()
        standing = was if isinstance(was, NftTable) and was.intact else None
        before = self._before(table)
        there = before.seen[table.family, table.name]
        if standing is not None and there is not None and there.stamp:
            standing = _stamped(standing, "")
        with suppress(HostError):  # the load matters more; the record after it will fail too
            records.expect(Record(table, stamp=stamp, generation=before.generation))
        try:
            self._nft.load(_stamped(table, f"by dualwan-hook, {stamp}"), standing)
        except KernelError:
            with _recording():
                records.give_up(table.name)
            raise
        with _recording():
            seen = self._changed(before, table)
            records.save(Record(table, digest=seen.digest if seen else "", stamp=stamp))

    def remove(self, table: NftTable) -> None:
        """Remove a table and its record; raises as ``load`` does."""
        before = self._before(table)
        self._nft.remove(table.family, table.name)
        with _recording():
            self._changed(before, table)
            records.forget(table.name)

    def _as_loaded(self, table: TableId, seen: Seen, generation: int) -> NftTable:
        """Return a table as it was loaded; the kernel's version decides only ``intact``.

        Without a record it has no blocks, and is not intact.
        """
        record = records.load(table)
        if expected := self._unrecorded(table, seen, record):
            record = expected  # if the load was the only transaction since
            intact = 0 < generation == expected.generation + 1
        elif record is None:
            return NftTable(table.family, table.name, intact=False)
        elif record.digest:
            return replace(record.table, intact=record.digest == seen.digest)
        else:  # of 0.1.0, which compared nft's listings
            listing = self._nft.listing(table.family, table.name, table.dynamic)
            intact = record.listing == records.digest(listing)
        if intact and self.recording:
            with suppress(HostError):  # the next run compares once more
                records.save(Record(record.table, seen.digest, record.stamp))
        return replace(record.table, intact=intact)

    def _unrecorded(self, table: TableId, seen: Seen, record: Record | None) -> Record | None:
        """Return the expected record if its run was killed right after the load; else None.

        If the run was killed before the load, or after the final record, the expected record is
        removed.
        """
        expected = records.expected(table)
        if expected is None:
            return None
        recorded = record is not None and record.stamp == expected.stamp
        if seen.loaded_with(expected.stamp) and not recorded:
            return expected
        if self.recording:
            with suppress(HostError):
                records.give_up(table.name)
        return None

    # --- what the kernel has ----------------------------------------------------------------

    def _look(self, asked: Sequence[TableId]) -> _Look:
        """Return the state of ``asked`` now; read the tables only if the ruleset has changed."""
        if self._last is None:
            self._last = self._saved = _load()
        last = self._last
        names = {(table.family, table.name) for table in asked}
        if 0 < last.generation == nft_handles.generation() and names <= last.seen.keys():
            return last
        generation, found = nft_handles.look(asked)
        seen = {(table.family, table.name): one for table, one in found.items()}
        if 0 < generation == last.generation:
            seen = {**last.seen, **seen}
        self._last = _Look(generation, seen)
        return self._last

    def _before(self, table: NftTable) -> _Look:
        """Return the state of a table before this process changes it; raises KernelError."""
        try:
            with _asking():
                return self._look([_id(table)])
        except NotPermitted:
            raise KernelError(f"{table.text}: Operation not permitted") from None

    def _changed(self, before: _Look, table: NftTable) -> Seen | None:
        """Read a table that this process has just changed, and return it; raises KernelError.

        The known state of the other tables is kept if no other program has changed the ruleset.
        """
        key = table.family, table.name
        try:
            with _asking():
                generation, found = nft_handles.look([_id(table)])
        except NotPermitted:
            raise KernelError(f"{table.text}: Operation not permitted") from None
        seen = {key: found[_id(table)]}
        if 0 < generation == before.generation + 1 and before.generation:
            seen = {**before.seen, **seen}
        self._last = _Look(generation, seen)
        return seen[key]

    def _save(self) -> None:
        """Save the state of the tables for the next run, if this run may write."""
        last = self._last
        if not self.recording or last is None or not last.generation or last == self._saved:
            return
        try:
            run_files.write(SEEN, _encode(last))
        except (HostError, OSError):  # OSError: without /proc, as at a removal in a chroot
            return  # the next run reads the tables
        self._saved = last


@contextmanager
def _asking() -> Iterator[None]:
    """Turn an OSError of netlink into NotPermitted or KernelError."""
    try:
        yield
    except PermissionError:
        raise NotPermitted from None
    except OSError as error:
        raise KernelError(f"nft tables: {error.strerror or error}") from None


@contextmanager
def _recording() -> Iterator[None]:
    """Turn a HostError into a RecordError: the step itself is done."""
    try:
        yield
    except HostError as error:
        raise RecordError(str(error)) from None


def _id(table: NftTable) -> TableId:
    return TableId(table.family, table.name)


def _stamped(table: NftTable, comment: str) -> NftTable:
    """Return ``table`` with the chain that tells which run has loaded it."""
    return replace(table, blocks=(*table.blocks, chain(STAMP, comment=comment)))


def _load() -> _Look:
    """Return the state that an earlier run saved in this network namespace."""
    try:
        data = run_files.read(SEEN)
        if data["namespace"] != nft_handles.namespace():
            return NOTHING
        return _Look(
            int(data["generation"]),
            {
                (str(family), str(name)): Seen(str(seen[0]), bytes.fromhex(seen[1]))
                if seen
                else None
                for family, name, seen in data["tables"]
            },
        )
    except run_files.BROKEN:
        return NOTHING


def _encode(look: _Look) -> dict[str, object]:
    return {
        "namespace": nft_handles.namespace(),
        "generation": look.generation,
        "tables": [
            [family, name, [seen.digest, seen.stamp.hex()] if seen else None]
            for (family, name), seen in look.seen.items()
        ],
    }

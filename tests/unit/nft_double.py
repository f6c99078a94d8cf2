"""nft and the kernel with one table, in memory, and a real host that works on it."""

import os
from dataclasses import replace

from dualwan.host import kernel, nft_handles
from dualwan.host.nft_handles import Seen
from dualwan.model.observed import Reads, TableId
from dualwan.nft.table import NftTable, base_chain, counter

HOOK = "type filter hook input priority filter; policy drop;"
TABLE = NftTable("ip", "t", (base_chain("a", HOOK, "drop"),))
OTHER = NftTable("ip", "t", (counter("c"), base_chain("a", HOOK, "accept")))
READS = Reads(tables=(TableId("ip", "t"),))


class Nft:
    """nft and the kernel with one table: what was loaded, and what stands there."""

    def __init__(self):
        self.loaded, self.looks, self.generation = [], 0, 7
        self.seen, self.listed = None, "listed"

    def load(self, table, old):
        """Note both without the stamp; the table stands from now on."""
        *_, stamp = table.blocks
        assert (stamp.kind, stamp.name) == ("chain", "loaded")
        self.loaded.append((_without_stamp(table), old and _without_stamp(old)))
        self.change(stamp.comment.encode())

    def remove(self, _family, _name):
        """Let the table be gone."""
        self.generation += 1
        self.seen = None

    def listing(self, _family, _name, _filled):
        """Return what nft lists."""
        return self.listed

    def change(self, stamp=None):
        """Let another table stand there, or the same one with other handles."""
        self.generation += 1
        was = self.seen.stamp if self.seen and stamp is None else stamp or b""
        self.seen = Seen(f"handles {self.generation}", was)

    def look(self, tables):
        """See nft_handles."""
        self.looks += 1
        return self.generation, dict.fromkeys(tables, self.seen)


def _without_stamp(table):
    return replace(table, blocks=tuple(one for one in table.blocks if one.name != "loaded"))


def installed(monkeypatch, run_directory):
    """Return an Nft that each KernelHost from now on works on, as root in RUN_DIRECTORY."""
    made = Nft()
    monkeypatch.setenv("DUALWAN_RUN", str(run_directory))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(kernel, "Nft", lambda: made)
    monkeypatch.setattr(nft_handles, "look", made.look)
    monkeypatch.setattr(nft_handles, "generation", lambda: made.generation)
    return made

"""nftables through Debian's python3-nftables (ctypes over libnftables): no process, no shell."""

from __future__ import annotations

import json
import os
import socket
from typing import Any

from dualwan.errors import KernelError
from dualwan.nft.listing import one_table, packets, with_indexes
from dualwan.nft.table import NftTable
from dualwan.nft.transaction import replacement


class NotPermitted(Exception):  # noqa: N818 - an answer, not an error
    """nft does not show its tables to this user."""


class Nft:
    """One libnftables context, made at first use."""

    def __init__(self) -> None:
        self._context: Any = None

    def _run(self, text: str, *, counters: bool = False) -> tuple[int, str, str]:
        if self._context is None:
            import nftables  # noqa: PLC0415 - loads a shared library; not every run needs it

            context = nftables.Nftables()
            context.set_terse_output(True)
            context.set_numeric_proto_output(True)
            self._context = context
        self._context.set_stateless_output(not counters)
        code, output, error = self._context.cmd(text)
        return int(code), str(output), str(error)

    def _listed(self, family: str, name: str, filled: bool, *, counters: bool = False) -> str:
        if os.geteuid() != 0:
            raise NotPermitted  # libnftables would add a line of its own to stderr
        asked = f"ruleset {family}" if filled else f"table {family} {name}"
        code, output, error = self._run(f"list {asked}", counters=counters)
        if code == 0:
            return one_table(output, family, name)
        if "No such file or directory" in error:
            return ""
        if "Operation not permitted" in error:
            raise NotPermitted
        raise KernelError(f"nft table {family} {name}: {_first_line(error)}")

    def listing(self, family: str, name: str, filled: bool) -> str:
        """How nft lists a table; "" for none.

        Without what changes by itself: counters, dynamic elements, names of devices for
        an index (the rule itself holds the index).
        FILLED says that packets fill sets of it: asked for such a table, nft 1.0.6 reads all
        elements even where it shows none (0.3 s for 20,000); asked for a family it does not.
        Raises NotPermitted without the right to look, KernelError for anything else.
        """
        return with_indexes(self._listed(family, name, filled), _index)

    def counts(self, family: str, name: str, by: str) -> tuple[dict[str, int], dict[str, int]]:
        """Packets of a table's named counters, and of each element of its set BY.

        Both are empty where there is none. Raises as listing does.
        """
        named = packets(self._listed(family, name, True, counters=True))
        if not named:
            return {}, {}
        import nftables  # noqa: PLC0415

        context = nftables.Nftables()
        context.set_json_output(True)
        code, output, _ = context.cmd(f"list set {family} {name} {by}")
        if code != 0:
            return named, {}
        return named, {
            item["elem"]["val"]: int(item["elem"]["counter"]["packets"])
            for found in json.loads(output)["nftables"]
            if "set" in found
            for item in found["set"].get("elem", ())
        }

    def load(self, table: NftTable, old: NftTable | None) -> None:
        """Replace a table in one transaction: no packet meets a half-made one.

        ``old`` is the one that stands, None where that is not known for sure.
        """
        self._change(table.text, replacement(old, table, _index))

    def remove(self, family: str, name: str) -> None:
        """Remove a table; one that is gone already is no error."""
        self._change(
            f"nft table {family} {name}", f"table {family} {name}\ndelete table {family} {name}\n"
        )

    def _change(self, what: str, text: str) -> None:
        code, _, error = self._run(text)
        if code != 0:
            raise KernelError(f"{what}: {_first_line(error)}")


def _index(device: str) -> int | None:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return None


def _first_line(error: str) -> str:
    lines = error.strip().splitlines() or ["refused without a reason"]
    return lines[0]

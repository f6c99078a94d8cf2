"""nftables through Debian's python3-nftables (ctypes over libnftables): no process, no shell."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from typing import Any

from dualwan.errors import KernelError
from dualwan.nft.listing import one_table, with_indexes
from dualwan.nft.table import NftTable
from dualwan.nft.transaction import removal, replacement


class NotPermitted(Exception):  # noqa: N818 - a result for the caller, no failure
    """The lack of permission: nft lists tables for root only."""


class Nft:
    """One libnftables context, made at first use."""

    def __init__(self) -> None:
        self._context: Any = None

    def _run(self, text: str) -> tuple[int, str, str]:
        if self._context is None:
            import nftables  # noqa: PLC0415 - loads a shared library, which a dry run does without

            context = nftables.Nftables()
            context.set_terse_output(True)
            context.set_numeric_proto_output(True)
            context.set_stateless_output(True)
            self._context = context
        code, output, error = self._context.cmd(text)
        return int(code), str(output), str(error)

    def listing(self, family: str, name: str, filled: bool) -> str:
        """Return nft's listing of a table, "" if it does not exist.

        0.1.0 compared such a listing with the one after loading; now it only decides whether a
        table that 0.1.0 has loaded is unchanged (host.tables). Counters and dynamic elements are
        left out, and device names are replaced by the indexes that the rules hold, because these
        change without a change of the rules.
        ``filled``: packets add elements to its sets. For `list table`, nft 1.0.6 reads all elements
        even with terse output (0.3 s for 20,000); for `list ruleset FAMILY` it does not. Raises
        NotPermitted without root, KernelError for any other failure.
        """
        if os.geteuid() != 0:
            raise NotPermitted  # libnftables would print to stderr
        asked = f"ruleset {family}" if filled else f"table {family} {name}"
        code, output, error = self._run(f"list {asked}")
        if code == 0:
            return with_indexes(one_table(output, family, name), _index)
        if "No such file or directory" in error:
            return ""
        if "Operation not permitted" in error:
            raise NotPermitted
        raise KernelError(f"nft table {family} {name}: {_first_line(error)}")

    def text(self, command: str) -> str:
        """Return nft's terse listing for ``command``; empty if nft refuses, or without root."""
        if os.geteuid() != 0:
            return ""
        code, output, _ = self._run(command)
        return output if code == 0 else ""

    @staticmethod
    def objects(command: str) -> list[dict[str, Any]]:
        """Return nft's answer to ``command``, as JSON data.

        Empty if nft refuses, or if this program cannot parse the answer.
        """
        if os.geteuid() != 0:
            return []
        import nftables  # noqa: PLC0415 - loads a shared library, see _run

        context = nftables.Nftables()
        context.set_json_output(True)
        context.set_terse_output(command.startswith("list table"))
        code, output, _ = context.cmd(command)
        return _objects(output) if code == 0 and output else []

    def chains(self, family: str) -> tuple[str, ...]:
        """Return the chains of all tables of ``family``, each as "FAMILY TABLE CHAIN".

        Empty without the permission. Raises KernelError.
        """
        if os.geteuid() != 0:
            return ()
        import nftables  # noqa: PLC0415 - see _run

        context = nftables.Nftables()
        context.set_json_output(True)
        code, output, error = context.cmd(f"list chains {family}")
        if code != 0:
            raise KernelError(f"nft chains: {_first_line(error)}")
        try:
            return tuple(
                f"{found['chain']['family']} {found['chain']['table']} {found['chain']['name']}"
                for found in _objects(output)
                if "chain" in found
            )
        except (LookupError, TypeError):
            raise KernelError("nft chains: the listing cannot be read") from None

    @staticmethod
    def takes(text: str) -> bool:
        """Whether the kernel would accept ``text``; a dry run. False without root."""
        if os.geteuid() != 0:
            return False
        import nftables  # noqa: PLC0415 - see _run

        context = nftables.Nftables()
        context.set_dry_run(True)
        code, _, _ = context.cmd(text)
        return int(code) == 0

    def load(self, table: NftTable, old: NftTable | None) -> None:
        """Replace a table in one transaction, so that no packet meets half of it.

        ``old``: the table in the kernel, None if it is missing or unknown. Raises KernelError.
        """
        self._change(table.text, replacement(old, table, _index))

    def remove(self, family: str, name: str) -> None:
        """Remove a table; no error if it is gone already. Raises KernelError."""
        self._change(f"nft table {family} {name}", removal(family, name))

    def _change(self, what: str, text: str) -> None:
        code, _, error = self._run(text)
        _trim()
        if code != 0:
            raise KernelError(f"{what}: {_first_line(error)}")


def _trim() -> None:
    """Return freed memory of libnftables to the kernel: 3 MB after the table with the ports.

    Otherwise later allocations come on top of it, and raise the peak of an event.
    """
    from ctypes import CDLL  # noqa: PLC0415 - with libnftables it is loaded

    with suppress(AttributeError):  # malloc_trim(3) is glibc's
        CDLL(None).malloc_trim(0)


def _index(device: str) -> int | None:
    try:
        return socket.if_nametoindex(device)
    except OSError:
        return None


def _objects(output: str) -> list[dict[str, Any]]:
    """Return the objects of a listing in JSON; none if it is not one."""
    try:
        return [item for item in json.loads(output)["nftables"] if isinstance(item, dict)]
    except (ValueError, LookupError, TypeError, RecursionError):
        return []


def _first_line(error: str) -> str:
    lines = error.strip().splitlines() or ["refused without a reason"]
    return lines[0]

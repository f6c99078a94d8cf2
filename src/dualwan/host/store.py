"""/run/dualwan: the run state, and a record of each nft table as loaded; lost at boot, by design.

nft does not list a table in the words in which it was loaded. A record therefore has the blocks
as loaded, from which the next transaction is built, and a digest of nft's listing right after
loading: if the listing has another digest now, another program has changed the table.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from dualwan import paths
from dualwan.errors import HostError
from dualwan.model.resources import Address
from dualwan.model.state import Health, RunState
from dualwan.model.usage import Losses
from dualwan.nft import stored
from dualwan.nft.table import NftTable

NAME = "state.json"
TABLES = "tables"  # folder of records, one file a table
_BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError)


def directory() -> Path:
    """Return the run directory: the environment variable DUALWAN_RUN, or /run/dualwan."""
    return Path(os.environ.get("DUALWAN_RUN") or paths.RUN_DIR)


def load_state() -> RunState:
    """Return the saved state; an empty one if the file is missing or broken."""
    try:
        return decode(_read(directory() / NAME))
    except _BROKEN:
        return RunState()


def decode(data: Any) -> RunState:
    """Return the state in ``data``, as ``encode`` or 0.1.0 wrote it; raises those of _BROKEN."""
    return RunState(
        wanted=bool(data["wanted"]),
        sysctls={
            str(owner): {str(name): str(value) for name, value in values.items()}
            for owner, values in data["sysctls"].items()
        },
        addresses=tuple(
            Address(str(device), str(address)) for device, address in data["addresses"]
        ),
        tunnels=tuple(str(name) for name in data["tunnels"]),
        softwires=_addresses(data, "softwires", "mape"),
        sessions=_addresses(data, "sessions", "pppoe"),
        prefix=str(data["prefix"]),
        aftr=str(data["aftr"]),
        notified_ce=str(data.get("notified-ce", data.get("told", ""))),
        health=Health(*data["health"]),
        tables=tuple(str(name) for name in data["tables"]),
        losses=Losses(**data.get("losses", {})),
        dialled=tuple(str(peer) for peer in data.get("dialled", ())),
        version=str(data.get("version", "")),
        owed_flows=tuple(str(address) for address in data.get("owed-flows", ())),
        owed_solicitations=tuple(str(name) for name in data.get("owed-solicitations", ())),
        awaited=bool(data.get("awaited", False)),
        generation=int(data.get("generation", 0)),
    )


def _addresses(data: dict[str, Any], key: str, old: str) -> dict[str, str]:
    """Return addresses by way; 0.1.0 had one way of each kind, under the key ``old``."""
    found = data[key] if key in data else {old: data[old]} if data[old] else {}
    return {str(way): str(address) for way, address in found.items()}


def encode(state: RunState) -> dict[str, Any]:
    """Return ``state`` as data for JSON."""
    return {
        "wanted": state.wanted,
        "sysctls": {owner: dict(values) for owner, values in state.sysctls.items()},
        "addresses": [[item.device, item.address] for item in state.addresses],
        "tunnels": state.tunnels,
        "softwires": dict(state.softwires),
        "sessions": dict(state.sessions),
        "prefix": state.prefix,
        "aftr": state.aftr,
        "notified-ce": state.notified_ce,
        "health": tuple(state.health),
        "tables": state.tables,
        "losses": asdict(state.losses),
        "dialled": state.dialled,
        "version": state.version,
        "owed-flows": state.owed_flows,
        "owed-solicitations": state.owed_solicitations,
        "awaited": state.awaited,
        "generation": state.generation,
    }


def save_state(state: RunState) -> None:
    """Save ``state``; raises HostError, and the old file is intact then."""
    _take_over()
    _write(directory() / NAME, encode(state))


def load_table(family: str, name: str, listing: str) -> NftTable:
    """Return the table as loaded; intact if nft's ``listing`` is as it was right after loading.

    Without a record it has no blocks, and is not intact.
    """
    try:
        data = _read(_record(name)) if _record(name).exists() else _old_tables()[name]
        table = stored.decode(family, name, data["blocks"])
        intact = data["listing"] == _digest(listing)
    except _BROKEN:
        return NftTable(family, name, intact=False)
    return table if intact else NftTable(family, name, table.blocks, intact=False)


def save_table(table: NftTable, listing: str) -> None:
    """Record ``table`` as loaded, with nft's ``listing`` of it; raises HostError."""
    _take_over()
    _write(_record(table.name), _as_record(table, listing))


def forget_table(name: str) -> None:
    """Remove the record of a table; raises HostError."""
    _take_over()
    with _failing_as(_record(name)):
        _record(name).unlink(missing_ok=True)


def _record(name: str) -> Path:
    return directory() / TABLES / f"{name}.json"


def _as_record(table: NftTable, listing: str) -> dict[str, Any]:
    return {"blocks": stored.encode(table), "listing": _digest(listing)}


def _digest(listing: str) -> str:
    return sha256(listing.encode()).hexdigest()


def _old_tables() -> dict[str, dict[str, Any]]:
    """Return the records by name in a state file of 0.1.0."""
    from dualwan.nft import legacy  # noqa: PLC0415 - once, after an upgrade

    noted = _read(directory() / NAME)["tables"]
    return {
        name: _as_record(table, listing)
        for name, (text, listing) in noted.items()
        if (table := legacy.table(text))
    }


def _take_over() -> None:
    """Write the records of a state file of 0.1.0, all or none, before that is overwritten."""
    if (directory() / TABLES).exists():
        return
    try:
        old = _old_tables()
    except _BROKEN:
        return
    fresh = directory() / f"{TABLES}.new"
    for name, record in old.items():
        _write(fresh / f"{name}.json", record)
    if old:
        with _failing_as(directory() / TABLES):
            fresh.rename(directory() / TABLES)


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(target: Path, data: Any) -> None:
    """Write ``data`` to a temporary file, then rename(2); raises HostError."""
    fresh = target.with_suffix(".new")
    with _uninterrupted(), _failing_as(target):
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            fresh.write_text(json.dumps(data) + "\n", encoding="utf-8")
            fresh.replace(target)
        except OSError:
            fresh.unlink(missing_ok=True)  # a partial file takes up space
            raise


@contextmanager
def _failing_as(target: Path) -> Iterator[None]:
    """Turn an OSError of the body into a HostError about ``target``."""
    try:
        yield
    except OSError as error:
        raise HostError(f"{target}: {error.strerror}") from None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Defer signals until the body has ended: a hook's deadline (SIGALRM), Ctrl-C, SIGTERM.

    A run that they end would otherwise lose the state of all steps since the last save.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGALRM, signal.SIGINT, signal.SIGTERM))
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

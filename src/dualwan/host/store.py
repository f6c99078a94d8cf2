"""The run directory: the lock, and what one run notes for the next. Gone at boot, as it should.

DUALWAN_RUN moves it, so that nothing needs the machine's own /run to be tried.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

from dualwan.errors import BusyError, HostError
from dualwan.line.failover import Health
from dualwan.model.observed import Memory
from dualwan.model.resources import Address
from dualwan.model.usage import Losses
from dualwan.nft import legacy, stored
from dualwan.nft.table import NftTable

NAME = "state.json"


def directory() -> Path:
    """Where the lock and the notes live."""
    return Path(os.environ.get("DUALWAN_RUN") or "/run/dualwan")


@contextmanager
def lock(seconds: float) -> Iterator[None]:
    """Hold the run directory's lock; raises BusyError when somebody else does for SECONDS.

    The wait is the kernel's own (flock(2)), ended by an alarm. Whoever dies lets go of it.
    """
    where = directory()
    try:
        where.mkdir(mode=0o755, parents=True, exist_ok=True)
        handle = os.open(where / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HostError(f"{where}: {error.strerror} (changing anything needs root)") from None
    try:
        with _alarm(seconds):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_signal: int, _frame: Any) -> NoReturn:
        raise BusyError(f"another run of dualwan-hook has been at work for {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    rest, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    began = monotonic()
    try:
        yield
    finally:  # a deadline of the caller goes on, less the time that was waited here
        left = max(rest - (monotonic() - began), 0.001) if rest else 0.0
        signal.setitimer(signal.ITIMER_REAL, left)
        signal.signal(signal.SIGALRM, before)


def read() -> Memory:
    """The notes of earlier runs; what cannot be read counts as nothing noted."""
    try:
        data = json.loads((directory() / NAME).read_text(encoding="utf-8"))
        return Memory(
            wanted=bool(data["wanted"]),
            sysctls={str(owner): {str(name): str(value) for name, value in values.items()}
                     for owner, values in data["sysctls"].items()},
            addresses=tuple(Address(str(device), str(address))
                            for device, address in data["addresses"]),
            tunnels=tuple(str(name) for name in data["tunnels"]),
            pppoe=str(data["pppoe"]),
            mape=str(data["mape"]),
            prefix=str(data["prefix"]),
            aftr=str(data["aftr"]),
            told=str(data["told"]),
            health=Health(*data["health"]),
            tables={str(name): (_table(name, content), str(listing))
                    for name, (content, listing) in data["tables"].items()},
            losses=Losses(**data.get("losses", {})),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def _table(name: str, content: Any) -> NftTable:
    """Return a table as it was noted; 0.1.0 noted its text."""
    if isinstance(content, str):
        return legacy.table(content) or NftTable("", name)
    family, blocks = content
    return stored.decode(str(family), name, blocks)


def write(memory: Memory) -> None:
    """Note MEMORY whole or not at all (temporary file and rename)."""
    data = {
        "wanted": memory.wanted,
        "sysctls": {owner: dict(values) for owner, values in memory.sysctls.items()},
        "addresses": [[item.device, item.address] for item in memory.addresses],
        "tunnels": list(memory.tunnels),
        "pppoe": memory.pppoe,
        "mape": memory.mape,
        "prefix": memory.prefix,
        "aftr": memory.aftr,
        "told": memory.told,
        "health": list(astuple(memory.health)),
        "tables": {name: ([table.family, stored.encode(table)], listing)
                   for name, (table, listing) in memory.tables.items()},
        "losses": asdict(memory.losses),
    }
    target = directory() / NAME
    fresh = target.with_suffix(".new")
    try:
        fresh.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        fresh.replace(target)
    except OSError as error:
        raise HostError(f"{target}: {error.strerror}") from None

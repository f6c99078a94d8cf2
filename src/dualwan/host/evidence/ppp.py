"""pppd's log, and whether a pppd of the peer runs."""

from __future__ import annotations

from pathlib import Path

from dualwan.errors import HostError
from dualwan.host import pppd, program

PEERS = Path("/etc/ppp/peers")
LINES = 40  # of the log
_JOURNAL = ("journalctl", "-b", "-q", "-t", "pppd", "-o", "cat", "--no-pager", "-n", str(LINES))
_SYSLOGS = (Path("/var/log/syslog"), Path("/var/log/messages"))
_TAIL = 1 << 20  # bytes of a log file
_UNREADABLE = "insufficient permissions"


def log() -> tuple[str, ...] | None:
    """Return the last lines of pppd's log, from the journal or a file; None if none is readable."""
    try:
        code, said, complaint = program.output(_JOURNAL)
    except HostError:
        return _from_file()
    if code == 0 and (said.strip() or _UNREADABLE not in complaint):
        return tuple(line for line in said.splitlines() if line) or (_from_file() or ())
    return _from_file()


def _from_file() -> tuple[str, ...] | None:
    for path in _SYSLOGS:
        try:
            with path.open("rb") as lines:
                lines.seek(max(0, path.stat().st_size - _TAIL))
                text = lines.read().decode("utf-8", "replace")
        except OSError:
            continue
        return tuple(line for line in text.splitlines() if " pppd[" in line)[-LINES:]
    return None


def dialling(peer: str) -> bool:
    """Whether a pppd of ``peer`` runs."""
    return bool(pppd.pppd_of(peer))


def has_peer(peer: str) -> bool:
    """Whether the peer's file exists; True also if only root may look into its folder."""
    try:
        return (PEERS / peer).exists()
    except PermissionError:
        return True

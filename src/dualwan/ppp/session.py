"""The pppd processes of the machine, and which of their sessions is a peer's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from dualwan.frozen import NamedTuple
from dualwan.paths import PPP_DIR
from dualwan.words import say

# No interface can have this name, because it has a slash (dev_valid_name): rules with it match
# nothing. It replaces the name of a session's interface while that is another program's. Each
# session has its own, because nft refuses duplicates.
NO_DEVICE = "no/session"
NO_DEVICES = (NO_DEVICE, *(f"{NO_DEVICE}{number}" for number in (2, 4, 5, 6, 7, 11)))


def no_device(number: int) -> str:
    """Return the impossible name of the way with ``number``."""
    name = f"{NO_DEVICE}{number}"
    return name if name in NO_DEVICES else NO_DEVICE


class Pppd(NamedTuple):
    """A running pppd. words: its command line. started: in clock ticks since boot.

    parent: the process id of its parent.
    service: the systemd service that it runs in, "" for none.
    """

    pid: int
    words: tuple[str, ...]
    started: int = 0
    service: str = ""
    parent: int = 0

    @property
    def peers(self) -> tuple[str, ...]:
        """The peers with which it was called, by `call` or by the path of the peer's file."""
        paths = f"{PPP_DIR}/peers/"
        return tuple(
            value.removeprefix(paths)
            for name, value in pairwise(self.words)
            if name == "call" or (name == "file" and value.startswith(paths))
        )

    def is_on(self, nic: str) -> bool:
        """Whether its command line has ``nic`` as the interface of PPPoE and names no peer."""
        return not self.peers and not {nic, f"nic-{nic}"}.isdisjoint(self.words)

    @property
    def text(self) -> str:
        """The process for a message; of its words, which may have a password, only the peer."""
        return say("process {pid}", pid=self.pid) + (
            say(", peer {peers}", peers=self.peers[-1]) if self.peers else ""
        )


class Session(NamedTuple):
    """A PPP interface with its pppd. address: its IPv4 address, "" for none."""

    device: str
    pppd: Pppd
    address: str = ""


def own_sessions(peer: str, nic: str, sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions of ``peer``, or else those that name no peer and run on ``nic``."""
    known = list(sessions)
    return [one for one in known if peer in one.pppd.peers] or [
        one for one in known if one.pppd.is_on(nic)
    ]


def present(peer: str, nic: str, device: str, sessions: Sequence[Session]) -> Session | None:
    """Return the session of ``peer`` that is in use, None for none.

    Of several, one with an address is preferred, then one on ``device``, then the newest.
    """
    own = own_sessions(peer, nic, sessions)
    return max(
        own,
        key=lambda one: (bool(one.address), one.device == device, one.pppd.started),
        default=None,
    )


def families(pppds: Iterable[Pppd]) -> list[list[Pppd]]:
    """Return ``pppds`` grouped by descent, each group beginning with the ancestor.

    pppd forks to detach, and for each script: for a moment, or with `pty` for as long as the
    session lasts, there are two processes of one pppd.
    """
    by_pid = {one.pid: one for one in pppds}
    found: dict[int, list[Pppd]] = {}
    for one in sorted(by_pid.values(), key=lambda one: (one.started, one.pid)):
        ancestor = one
        while ancestor.parent in by_pid and by_pid[ancestor.parent].started <= ancestor.started:
            if ancestor.parent == ancestor.pid:
                break
            ancestor = by_pid[ancestor.parent]
        found.setdefault(ancestor.pid, []).append(one)
    return list(found.values())


def survivor(
    found: Sequence[list[Pppd]], services: Iterable[str], connected: Iterable[int]
) -> list[Pppd]:
    """Return the family that is kept of ``found``, several families of pppds of one peer.

    systemd would restart one of ``services``, so that is kept; else one of ``connected`` (process
    ids with a session), else the oldest.
    """
    kept, up = frozenset(services), frozenset(connected)
    return min(
        found,
        key=lambda family: (
            kept.isdisjoint(one.service for one in family),
            up.isdisjoint(one.pid for one in family),
            family[0].started,
        ),
    )

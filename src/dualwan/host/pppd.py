"""PPP sessions: start a peer by pon(1), and end the pppd of a peer by a signal.

poff(1) finds only a process whose command line begins with `pppd call PEER`; a pppd that a systemd
service or a script has started mostly has other words before these.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from dualwan.config import values
from dualwan.errors import BusyError, HostError
from dualwan.host import processes, program, run_files
from dualwan.host.around import ppp
from dualwan.host.lock import locked
from dualwan.ppp.session import Pppd, families, survivor
from dualwan.words import say

CONFINED = "DUALWAN_CONFINED"  # set in units whose restrictions pppd must not inherit
WANTED = "dial/peer.json"
DIAL_SECONDS = 10.0  # to wait for pon; with updetach it returns once the session is up
UNWANT_SECONDS = 2.0  # hanging up waits no longer for another run that dials
ATTACHED_SECONDS = 1.0  # with nodetach it returns only after the session, unless it fails at once
_asked: set[tuple[int, int]] = set()  # ended by ``ask_to_end``: id and start of each pppd


def pppd_of(peer: str) -> list[Pppd]:
    """Return each pppd of ``peer``."""
    return [one for one in processes.pppds() if peer in one.peers]


def runs(peer: str) -> bool:
    """Return whether a pppd of ``peer`` runs or is starting, with a session or without."""
    return bool(pppd_of(peer)) or processes.dialling(peer)


def dial(peer: str, key: str) -> bool:
    """Run `pon PEER` unless its pppd runs or is starting; return whether it was started.

    ``key``: the configuration key with the peer. A confined unit (CONFINED) leaves the start to
    another unit, by dualwan-dial.path. A pppd that takes long to detach is not waited for. Raises
    HostError if pon fails.
    """
    try:
        with locked(run_files.directory() / "dial", DIAL_SECONDS + 5):
            if runs(peer):
                return False
            _check(peer, key)
            if os.environ.get(CONFINED):
                run_files.write(WANTED, [*(one for one in _wanted() if one != peer), peer])
            else:
                _start(peer)
    except BusyError:  # another run of this program dials
        return False
    return True


def take_wanted() -> str:
    """Remove and return a peer that a confined unit wants dialled, "" for none.

    While it lists other peers, the file stays, and systemd starts the unit again if it dies. Raises
    HostError.
    """
    with locked(run_files.directory() / "dial", DIAL_SECONDS + 5):
        first, *rest = (*_wanted(), "")
        _want(rest[:-1])
    return first


def _wanted() -> list[str]:
    """Return the peers that confined units want dialled."""
    try:
        found = run_files.read(WANTED)
        return [values.peer(one) for one in ([found] if isinstance(found, str) else found)]
    except run_files.BROKEN:
        return []


def _want(peers: list[str]) -> None:
    if peers:
        run_files.write(WANTED, peers)
    else:
        run_files.remove(WANTED)


def _unwant(peer: str) -> None:
    """Take ``peer`` from those that confined units want dialled; others may be added meanwhile.

    Not held up for long by a pon that hangs: to end the session is more important.
    """
    if peer not in _wanted():
        return
    with ExitStack() as held:
        with suppress(BusyError, HostError):
            held.enter_context(locked(run_files.directory() / "dial", UNWANT_SECONDS))
        _want([one for one in _wanted() if one != peer])


def _check(peer: str, key: str) -> None:
    if not Path("/etc/ppp/peers", peer).exists():
        raise HostError(
            say("cannot dial: there is no /etc/ppp/peers/{peer} ({key})", peer=peer, key=key)
        )


def _start(peer: str) -> None:
    """Run `pon PEER`; raises HostError."""
    options = ppp.read_options(peer)
    attached = options.on("nodetach", "updetach") or options.last("up_sdnotify", "-detach")
    code, said = program.start(["pon", peer], ATTACHED_SECONDS if attached else DIAL_SECONDS)
    if code:
        raise HostError(
            say(
                "pon {peer} failed with code {code}: {said}",
                peer=peer,
                code=code,
                said=said or say("no reason given"),
            )
        )


def ask_to_end(peers: Collection[str]) -> None:
    """Send SIGTERM to each pppd of ``peers``; a failure is left to ``hang_up``."""
    for peer in peers:
        for one in pppd_of(peer):
            with suppress(HostError):
                if (handle := _terminated(one, peer)) is not None:
                    _asked.add((one.pid, one.started))
                    os.close(handle)


def hang_up(peer: str, seconds: float) -> bool:
    """End each pppd of ``peer``, and wait up to ``seconds`` until it has ended.

    Return whether there was one. Raises HostError if it cannot be ended, or does not end.
    """
    _unwant(peer)
    ending = [handle for one in pppd_of(peer) if (handle := _ending(one, peer)) is not None]
    try:
        if not _ended(ending, seconds):
            raise HostError(
                say("pppd of {peer} did not end within {seconds:.0f} s", peer=peer, seconds=seconds)
            )
    finally:
        for handle in ending:
            os.close(handle)
    return bool(ending)


def keep_one(peer: str) -> bool:
    """End every pppd of ``peer`` but one; return whether there was more than one.

    Does not wait for the end: this may be the ip-up hook of a pppd that ends. Raises HostError.
    """
    found = families(pppd_of(peer))
    if len(found) <= 1:
        return False
    connected = [one.pppd.pid for one in processes.sessions() if one.address]
    services = [starter.service for starter in ppp.starters(peer) if starter.again]
    kept = survivor(found, services, connected)
    for one in (one for family in found if family is not kept for one in family):
        if (handle := _terminated(one, peer)) is not None:
            os.close(handle)
    return True


def _ending(one: Pppd, peer: str) -> int | None:
    """Send SIGTERM to a pppd unless ``ask_to_end`` has; see _terminated."""
    was_asked = (one.pid, one.started) in _asked
    _asked.discard((one.pid, one.started))
    return _terminated(one, peer, 0 if was_asked else signal.SIGTERM)


def _terminated(one: Pppd, peer: str, number: int = signal.SIGTERM) -> int | None:
    """Send a signal to a pppd; return its pidfd, None if it has ended. Raises HostError.

    At SIGTERM pppd ends its session, does not dial again, and waits for its ip-down hooks. At a
    second SIGTERM it kills these and does not wait.
    """
    try:
        handle = os.pidfd_open(one.pid)
    except ProcessLookupError:
        return None
    try:
        now = processes.pppd(one.pid)
        if now is None or now.started != one.started:  # another process has the id by now
            os.close(handle)
            return None
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass  # it has ended
    except OSError as error:
        os.close(handle)
        raise HostError(
            say(
                "pppd of {peer} (process {pid}) cannot be ended: {reason}",
                peer=peer,
                pid=one.pid,
                reason=error.strerror,
            )
        ) from None
    return handle


def _ended(handles: Iterable[int], seconds: float) -> bool:
    """Whether all processes of the pidfds ``handles`` end within ``seconds``."""
    until = time.monotonic() + seconds
    return all(
        select.select([handle], [], [], max(0.0, until - time.monotonic()))[0] for handle in handles
    )

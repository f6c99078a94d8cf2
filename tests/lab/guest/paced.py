"""Datagrams at a steady pace, each of which must be answered; counts those that are not."""

from __future__ import annotations

import select
import socket
import threading
import time
from types import TracebackType
from typing import Self

from guest.namespace import Namespace

PAUSE = 0.05  # seconds from one to the next
_LAST_ANSWER = 5.0  # seconds after the last one
_SIZE = 64


class Stream:
    """A flow of UDP from ``space`` to a server that answers, from `with` to the end of it.

    lost: how many were not answered; known at the end. seen_as: the addresses and ports that the
    server saw, one where nothing has moved the flow.
    """

    def __init__(self, space: Namespace, host: str, port: int, *, source: str = "") -> None:
        """Nothing is sent before `with`."""
        self._udp = space.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((source, 0))
        self._udp.connect((host, port))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = self.answered = 0
        self.seen_as: set[str] = set()

    @property
    def lost(self) -> int:
        """How many were not answered."""
        return self.sent - self.answered

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(2 * _LAST_ANSWER)
        self._udp.close()

    def until_sent(self, count: int) -> None:
        """Wait until so many were sent."""
        while self.sent < count and self._thread.is_alive():
            time.sleep(PAUSE)

    def __repr__(self) -> str:
        return f"{self.lost} of {self.sent} lost, seen as {sorted(self.seen_as)}"

    def _run(self) -> None:
        while not self._over.is_set():
            self._send()
            self._hear(PAUSE)
        end = time.monotonic() + _LAST_ANSWER
        while self.lost and time.monotonic() < end:
            self._hear(end - time.monotonic(), self.sent)

    def _send(self) -> None:
        self.sent += 1
        try:
            self._udp.send(b"?" * _SIZE)
        except OSError:  # an error that came back about an earlier one, which is lost
            return

    def _hear(self, seconds: float, wanted: int = -1) -> None:
        """Take what is answered within ``seconds``; no more if there are ``wanted`` in all."""
        end = time.monotonic() + seconds
        while self.answered != wanted:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._udp], [], [], left)[0]:
                return
            try:
                self.seen_as.add(self._udp.recv(_SIZE).decode().strip())
            except OSError:
                continue
            self.answered += 1

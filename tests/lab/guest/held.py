"""Many TCP connections that stay open: each has a port of the shared address, and an echo."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from guest.addresses import ECHO_PORT
from guest.namespace import Namespace

# at once, as many as the guests' network cards can queue
_BATCH = 48


@dataclass
class Held:
    """Connections of a namespace to one server."""

    space: Namespace
    host: str
    limit: float
    tcp: list[socket.socket] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def open(self, source: str, count: int) -> None:
        """Open ``count`` more from an address; the server sees them on ports of MAP-E."""
        for _ in range(count):
            tcp = self.space.socket(socket.AF_INET, socket.SOCK_STREAM)
            self.tcp.append(tcp)
            tcp.settimeout(self.limit)
            tcp.bind((source, 0))
            tcp.connect((self.host, ECHO_PORT))
            self.ports.append(int(_line(tcp).split()[1]))

    def dead(self) -> list[str]:
        """Send a word of its own on each; return those without the echo of it, and why."""
        found = []
        numbered = enumerate(self.tcp)
        while batch := list(islice(numbered, _BATCH)):
            found += list(_unanswered(batch))
        return found

    def close(self) -> None:
        """Close all."""
        for tcp in self.tcp:
            tcp.close()


def _unanswered(batch: list[tuple[int, socket.socket]]) -> Iterator[str]:
    sent = []
    for number, tcp in batch:
        try:
            tcp.sendall(b"%d\n" % number)
        except OSError as error:
            yield f"{number}: {error}"
        else:
            sent.append((number, tcp))
    for number, tcp in sent:
        try:
            heard = _line(tcp)
        except OSError as error:
            yield f"{number}: {error}"
        else:
            if heard != str(number):
                yield f"{number}: heard {heard}"


def _line(tcp: socket.socket) -> str:
    """Return the next line; raises OSError where none comes."""
    heard = b""
    while not heard.endswith(b"\n"):
        chunk = tcp.recv(64)
        if not chunk:
            raise ConnectionError("ended")
        heard += chunk
    return heard.decode().strip()

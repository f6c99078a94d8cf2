"""What callers do: ask a server what it sees, ping, try a port, download."""

from __future__ import annotations

import errno
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from guest import flows
from guest.addresses import DOWNLOAD_PORT, ECHO_PORT
from guest.namespace import Namespace
from guest.servers import pattern

ANSWER_LIMIT = 10.0
_IP_MTU_DISCOVER = 10
_SYN_SENT, _CLOSE = 2, 7  # linux/tcp_states.h
_LOOK_AGAIN = 0.05  # seconds


class NoAnswerError(Exception):
    """Nobody answered within the limit."""


@dataclass(frozen=True)
class Endpoint:
    """An address and a port (or an ICMP echo id)."""

    address: str
    port: int


def _endpoint(answer: str) -> Endpoint:
    address, port = answer.split()
    return Endpoint(address, int(port))


def ask_tcp(
    space: Namespace,
    host: str,
    port: int = ECHO_PORT,
    *,
    source: str = "",
    limit: float = ANSWER_LIMIT,
) -> Endpoint:
    """Connect from `space`; the address and port that the server saw."""
    with space.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
    ) as tcp:
        tcp.settimeout(limit)
        if source:
            tcp.bind((source, 0))
        try:
            tcp.connect((host, port))
            return _endpoint(tcp.makefile("r").readline())
        except (OSError, ValueError) as error:
            raise NoAnswerError(f"tcp {host} port {port}: {error}") from error


def ask_udp(
    space: Namespace,
    host: str,
    *,
    source: tuple[str, int] = ("", 0),
    size: int = 1,
    limit: float = ANSWER_LIMIT,
) -> Endpoint:
    """Send one datagram with `size` bytes from `space`; the address and port that were seen.

    The answer has as many bytes.
    """
    with space.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(limit)
        udp.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, 0)  # fragments are allowed
        udp.bind(source)
        try:
            udp.sendto(b"?" * size, (host, ECHO_PORT))
            return _endpoint(udp.recv(2048).decode())
        except OSError as error:
            raise NoAnswerError(f"udp {host}: {error}") from error


def try_port(
    space: Namespace, host: str, port: int, limit: float = 2.0, *, source: str = ""
) -> str:
    """Return what a caller finds: "open", "refused" or "silent".

    Python takes a socket as connected if poll(2) reports it ready without an error. After an ICMP
    refusal that is wrong once in a few hundred times, so the kernel is asked for the state.
    """
    with space.socket(
        socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
    ) as tcp:
        tcp.setblocking(False)
        if source:
            tcp.bind((source, 0))
        end = time.monotonic() + limit
        error = tcp.connect_ex((host, port))
        while time.monotonic() < end:
            if error not in (0, errno.EINPROGRESS):
                return "refused" if error == errno.ECONNREFUSED else "silent"
            if (state := _state(tcp)) != _SYN_SENT:
                return "refused" if state == _CLOSE else "open"
            select.select([], [tcp], [], min(_LOOK_AGAIN, max(0.0, end - time.monotonic())))
            error = tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return "silent"


def try_ports(
    space: Namespace, host: str, ports: Iterable[int], limit: float = 2.0
) -> dict[int, str]:
    """Try all ``ports`` at once: silence costs ``limit`` seconds in all. Return what each is."""
    numbers = tuple(ports)
    with ThreadPoolExecutor(len(numbers)) as pool:
        found = pool.map(lambda port: try_port(space, host, port, limit), numbers)
        return dict(zip(numbers, found, strict=True))


def _state(tcp: socket.socket) -> int:
    """The state of a TCP socket (the first byte of struct tcp_info)."""
    return tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def ask_tcp_within(
    space: Namespace, host: str, port: int, limit: float, pause: float = 0.1
) -> Endpoint:
    """Ask again and again, each try short, until there's an answer; bounded by `limit`."""
    deadline = time.monotonic() + limit
    while True:
        try:
            return ask_tcp(space, host, port, limit=0.5)
        except NoAnswerError:
            if time.monotonic() > deadline:
                raise
        time.sleep(pause)


def ping(
    space: Namespace, host: str, ids: Iterable[int], limit: float = ANSWER_LIMIT
) -> frozenset[int]:
    """Send an echo request with each of `ids`; the ids that were answered."""
    wanted = frozenset(ids)
    answered: set[int] = set()
    with space.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for number in wanted:
            raw.sendto(flows.echo_request(number), (host, 0))
        deadline = time.monotonic() + limit
        while answered != wanted:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([raw], [], [], left)[0]:
                break
            packet = raw.recv(2048)
            kind, _code, _sum, number, _sequence = struct.unpack(">BBHHH", packet[20:28])
            if kind == 0 and number in wanted:
                answered.add(number)
    return frozenset(answered)


class Conversation:
    """A TCP connection that sends a line and waits for its echo, again and again, until `stop`."""

    def __init__(
        self, space: Namespace, host: str, port: int, *, pause: float = 0.1, source: str = ""
    ) -> None:
        """Connect from ``space`` and start; ``pause`` seconds pass after each echo."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._tcp = space.socket(family, socket.SOCK_STREAM)
        self._tcp.settimeout(ANSWER_LIMIT)
        if source:
            self._tcp.bind((source, 0))
        self._tcp.connect((host, port))
        self._stream = self._tcp.makefile("rwb")
        self._stream.readline()  # the server's greeting
        self._pause = pause
        self._over = threading.Event()
        self.echoes = 0
        self.longest_pause = 0.0
        self.error: str | None = None
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self) -> None:
        with self._tcp, self._stream:
            try:
                while not self._over.wait(self._pause):
                    said, started = b"%d\n" % self.echoes, time.monotonic()
                    self._stream.write(said)
                    self._stream.flush()
                    heard = self._stream.readline()
                    if heard != said:
                        self.error = f"after {self.echoes} echoes: {heard!r}"
                        return
                    self.longest_pause = max(self.longest_pause, time.monotonic() - started)
                    self.echoes += 1
            except OSError as error:
                self.error = f"after {self.echoes} echoes: {error}"

    def goes_on(self, limit: float = ANSWER_LIMIT) -> bool:
        """Return whether two more echoes come within ``limit`` seconds."""
        wanted, deadline = self.echoes + 2, time.monotonic() + limit
        while self._thread.is_alive() and self.echoes < wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.error is None and self.echoes >= wanted

    def stop(self) -> None:
        """Close the connection."""
        self._over.set()
        self._thread.join(2 * ANSWER_LIMIT)


class Download:
    """A TCP download that runs in the background and watches its own progress."""

    def __init__(
        self, space: Namespace, host: str, *, rate: int, total: int = 1 << 40, source: str = ""
    ) -> None:
        """Download `total` bytes at `rate` bytes a second; starts at once."""
        self._total = total
        self._tcp = space.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.settimeout(ANSWER_LIMIT)
        if source:
            self._tcp.bind((source, 0))
        self._tcp.connect((host, DOWNLOAD_PORT))
        self._tcp.sendall(f"{total} {rate}\n".encode())
        self._enough = False
        self.received = 0
        self.longest_gap = 0.0
        self.error: str | None = None
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        last = time.monotonic()
        with self._tcp:
            try:
                while not self._enough and (chunk := self._tcp.recv(65536)):
                    now = time.monotonic()
                    self.longest_gap = max(self.longest_gap, now - last)
                    last = now
                    if chunk != pattern(self.received, len(chunk)):
                        self.error = f"wrong bytes after {self.received}"
                        return
                    self.received += len(chunk)
            except OSError as error:
                self.error = f"after {self.received} bytes: {error}"

    def be_patient(self, seconds: float) -> None:
        """Count a pause as the end only after ``seconds``, in place of ANSWER_LIMIT."""
        self._tcp.settimeout(seconds)

    @property
    def running(self) -> bool:
        """Whether bytes are still to come."""
        return self._thread.is_alive()

    def goes_on(self, limit: float = ANSWER_LIMIT) -> bool:
        """Whether more bytes come from now on."""
        received, deadline = self.received, time.monotonic() + limit
        while self.running and self.received == received and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.error is None and self.received > received

    def stop(self) -> int:
        """End it early, at the next bytes; how many came."""
        self._enough = True
        self._thread.join(2 * ANSWER_LIMIT)
        return self.received

    def finish(self, limit: float = 60) -> None:
        """Wait for the end; raises unless each byte came, in order, once."""
        self._thread.join(limit)
        if self._thread.is_alive():
            raise NoAnswerError(f"the download stands at {self.received} of {self._total} bytes")
        if self.error or self.received != self._total:
            raise NoAnswerError(self.error or f"the download ended at {self.received} bytes")

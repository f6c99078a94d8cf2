"""Servers for any namespace, in one thread: each tells its caller the address that it saw."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from guest.namespace import Namespace

_RECEIVE_BUFFER = 8 << 20
_SO_RCVBUFFORCE = 33
_SO_MAX_PACING_RATE = 47
_IP_PKTINFO = 8
_IP_MTU_DISCOVER = 10
_IN_PKTINFO = "=I4s4s"


@dataclass(frozen=True)
class Seen:
    """One flow as the server saw it."""

    protocol: str
    peer: str
    peer_port: int
    local: str
    local_port: int


class Servers:
    """TCP and UDP servers that answer "ADDRESS PORT", and then echo; listens from `with` on."""

    def __init__(
        self,
        space: Namespace,
        *,
        tcp: Sequence[int] = (),
        udp: Sequence[int] = (),
        download: int | None = None,
        v6: bool = False,
    ) -> None:
        """Which ports to listen on; `download` sends pattern bytes at the asked-for rate."""
        self._space = space
        self._tcp, self._udp, self._download = tuple(tcp), tuple(udp), download
        self._family = socket.AF_INET6 if v6 else socket.AF_INET
        self._selector = selectors.DefaultSelector()
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self._stop_here, self._stop_there = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        for port in self._tcp:
            self._listen(port, self._accept)
        if self._download is not None:
            self._listen(self._download, self._accept_download)
        for port in self._udp:
            udp = self._space.socket(self._family, socket.SOCK_DGRAM)
            udp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
            udp.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            # Large answers are fragmented on a narrow path without path MTU discovery.
            udp.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, 0)
            udp.bind(("", port))
            self._selector.register(udp, selectors.EVENT_READ, self._answer_udp)
        self._selector.register(self._stop_there, selectors.EVENT_READ, None)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_here.close()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()

    def seen(self) -> list[Seen]:
        """All flows since the last `forget`."""
        with self._lock:
            return list(self._seen)

    def forget(self) -> None:
        """Start a new list of flows."""
        with self._lock:
            self._seen.clear()

    def _listen(self, port: int, handler: object) -> None:
        listener = self._space.socket(self._family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", port))
        listener.listen(128)
        self._selector.register(listener, selectors.EVENT_READ, handler)

    def _serve(self) -> None:
        while True:
            for key, _events in self._selector.select():
                if key.data is None:
                    return
                try:
                    key.data(key.fileobj)
                except OSError:  # the caller has gone away; go on serving
                    self._drop(key.fileobj)

    def _drop(self, stream: object) -> None:
        if isinstance(stream, socket.socket) and stream.type == socket.SOCK_STREAM:
            self._selector.unregister(stream)
            stream.close()

    def _note(self, protocol: str, peer: Sequence[object], local: Sequence[object]) -> None:
        entry = Seen(protocol, str(peer[0]), int(str(peer[1])), str(local[0]), int(str(local[1])))
        with self._lock:
            self._seen.append(entry)

    def _accept(self, listener: socket.socket) -> None:
        stream, peer = listener.accept()
        self._note("tcp", peer, stream.getsockname())
        stream.sendall(f"{peer[0]} {peer[1]}\n".encode())
        self._selector.register(stream, selectors.EVENT_READ, self._echo)

    def _echo(self, stream: socket.socket) -> None:
        received = stream.recv(65536)
        if received:
            stream.sendall(received)
        else:
            self._drop(stream)

    def _answer_udp(self, udp: socket.socket) -> None:
        question, ancillary, _flags, peer = udp.recvmsg(2048, 256)
        arrived = next(item[2] for item in ancillary if item[1] == _IP_PKTINFO)
        _index, _local, destination = struct.unpack(_IN_PKTINFO, arrived[:12])
        self._note("udp", peer, (socket.inet_ntoa(destination), udp.getsockname()[1]))
        # Answer from the address that was asked, with as many bytes.
        source = struct.pack(_IN_PKTINFO, 0, destination, b"\0" * 4)
        answer = f"{peer[0]} {peer[1]}\n".encode().ljust(len(question))
        udp.sendmsg([answer], [(socket.IPPROTO_IP, _IP_PKTINFO, source)], 0, peer)

    def _accept_download(self, listener: socket.socket) -> None:
        stream, peer = listener.accept()
        self._note("download", peer, stream.getsockname())
        threading.Thread(target=_send_download, args=(stream,), daemon=True).start()


def pattern(offset: int, length: int) -> bytes:
    """Bytes that tell where they belong, so that a gap or a repeat shows."""
    first, skip = divmod(offset, 8)
    words = range(first, first + (skip + length) // 8 + 1)
    return b"".join(struct.pack(">Q", word) for word in words)[skip : skip + length]


def _send_download(stream: socket.socket) -> None:
    """Read "BYTES RATE" from the caller and send that; the kernel paces the stream."""
    with stream:
        total, rate = map(int, stream.makefile("r").readline().split())
        stream.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, rate)
        # A small buffer, so that bytes sent have nearly arrived.
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        sent = 0
        try:
            while sent < total:
                chunk = pattern(sent, min(16384, total - sent))
                stream.sendall(chunk)
                sent += len(chunk)
        except OSError:
            return

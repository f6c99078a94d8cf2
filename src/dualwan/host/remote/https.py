"""One GET over https and IPv6, bounded in time, in length and in redirects."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, NamedTuple

from dualwan import __version__
from dualwan.errors import RemoteError
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning.hb46pp import MAX_BODY, checked_url, shown

if TYPE_CHECKING:
    import ssl

REDIRECTS = 3
MAX_RECEIVED = 4 * MAX_BODY  # bytes a connection, whatever its headers and chunks pretend
CONNECT_SECONDS = 4.0  # for one address of several
_MOVED = (301, 302, 303, 307, 308)
_PORT = 443
_OK = range(200, 300)


class Response(NamedTuple):
    """What came in the end: from which URL, its status (200 to 299) and its body."""

    url: str
    status: int
    body: bytes


def get(  # noqa: PLR0913
    url: str,
    deadline: Deadline,
    resolve: Callable[[str], Sequence[str]],
    *,
    each: Callable[[str], str] = str,
    headers: Mapping[str, str] | None = None,
    redirects: int = REDIRECTS,
) -> Response:
    """Ask ``url`` and follow up to ``redirects`` redirects, all to https.

    resolve: a host's IPv6 addresses; each: makes of a URL what is asked, at every step.
    Certificates are checked against the system's (SSL_CERT_FILE moves them). Raises
    RemoteError unless the status is 200 to 299 and the body has up to MAX_BODY bytes.
    """
    from http.client import HTTPException  # noqa: PLC0415 - 25 ms with ssl, for a question only
    from urllib.parse import urljoin  # noqa: PLC0415

    for _ in range(redirects + 1):
        asked = each(checked_url(url))
        try:
            response, location = _once(asked, deadline, resolve, headers or {})
            url = urljoin(asked, location)
        except (OSError, HTTPException, ValueError) as error:
            deadline.left()  # a timeout of a socket is the end of the whole
            raise RemoteError(f"{shown(url)}: {_reason(error)}") from None
        if response.status in _OK:
            return response
        if response.status not in _MOVED or not location:
            raise RemoteError(f"{shown(asked)} answers with status {response.status}")
    raise RemoteError(f"{shown(url)}: more than {redirects} redirects")


class Bounded(RawIOBase):
    """A connection that is read and written until ``deadline``, up to ``most`` bytes of it.

    It is what HTTPResponse takes for a socket: that reads a file made of it, and no more.
    """

    def __init__(self, stream: socket.socket, deadline: Deadline, most: int = MAX_RECEIVED) -> None:
        self._stream = stream
        self._deadline = deadline
        self._most = self._left = most

    def readable(self) -> bool:
        """Say yes to BufferedReader."""
        return True

    def makefile(self, _mode: str) -> BufferedReader:
        """Return the file that HTTPResponse reads."""
        return BufferedReader(self)

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or the first that comes; raises RemoteError past a bound."""
        self._stream.settimeout(self._deadline.left())
        size = self._stream.recv_into(buffer)
        self._left -= size
        if self._left < 0:
            raise RemoteError(f"the server sends more than {self._most} bytes")
        return size

    def send_all(self, data: bytes) -> None:
        """Write ``data`` whole; raises RemoteError when the time is over."""
        while data:
            self._stream.settimeout(self._deadline.left())
            data = data[self._stream.send(data) :]

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()
        super().close()


def _once(
    url: str,
    deadline: Deadline,
    resolve: Callable[[str], Sequence[str]],
    headers: Mapping[str, str],
) -> tuple[Response, str]:
    """Ask once: the response, and where it says to ask instead."""
    from http.client import HTTPResponse  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: close",
        "Accept: application/json",
        "Accept-Encoding: identity",
        f"User-Agent: dualwan-hook/{__version__}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    stream: Any = Bounded(
        _connected(parts.hostname or "", parts.port or _PORT, deadline, resolve), deadline
    )
    with stream:
        stream.send_all("\r\n".join([*lines, "", ""]).encode("ascii"))
        with HTTPResponse(stream, method="GET") as response:
            response.begin()
            location = response.getheader("Location") or ""
            if response.status not in _OK:
                return Response(url, response.status, b""), location
            body = response.read(MAX_BODY + 1)
            if len(body) > MAX_BODY:
                raise RemoteError(f"{shown(url)} sends more than {MAX_BODY} bytes")
            if response.length:
                raise RemoteError(f"{shown(url)} stops in the middle")
            return Response(url, response.status, body), ""


def _connected(
    host: str, port: int, deadline: Deadline, resolve: Callable[[str], Sequence[str]]
) -> ssl.SSLSocket:
    """Return a checked connection to the first address of ``host`` that takes one."""
    checked = context()
    failure: OSError = OSError(0, "has no IPv6 address")
    for address in resolve(host):
        plain = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            plain.settimeout(deadline.left(CONNECT_SECONDS))
            plain.connect((address, port))
            plain.settimeout(deadline.left())  # for the handshake
        except OSError as error:
            plain.close()
            failure = error
            continue
        except RemoteError:
            plain.close()
            raise
        try:
            return checked.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    raise failure


def context() -> ssl.SSLContext:
    """Return what checks certificate and name, by TLS 1.2 or later whatever the system allows."""
    import ssl  # noqa: PLC0415

    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _reason(error: Exception) -> str:
    """Say what went wrong, as one short printable line."""
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    text = text or type(error).__name__
    return "".join(char if char.isprintable() else "?" for char in text)[:200]

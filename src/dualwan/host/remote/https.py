"""One GET over https and IPv6, bounded in time, in length and in redirects."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
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


def get(url: str, deadline: Deadline,  # noqa: PLR0913 - the bounds are the caller's
        resolve: Callable[[str], Sequence[str]],
        *, each: Callable[[str], str] = str, headers: Mapping[str, str] | None = None,
        redirects: int = REDIRECTS) -> Response:
    """Ask URL, following REDIRECTS of them at most, all to https.

    resolve: a host's IPv6 addresses; each: makes of a URL what is asked, at every step.
    Certificates are checked against the system's (SSL_CERT_FILE moves them). Raises
    RemoteError in every case but a status of 200 to 299 with up to MAX_BODY bytes.
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


def _once(url: str, deadline: Deadline, resolve: Callable[[str], Sequence[str]],
          headers: Mapping[str, str]) -> tuple[Response, str]:
    from http.client import HTTPResponse  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    parts = urlsplit(url)
    host = parts.hostname or ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close",
             "Accept: application/json", "Accept-Encoding: identity",
             f"User-Agent: dualwan-hook/{__version__}",
             *(f"{name}: {value}" for name, value in headers.items())]
    with _connected(host, parts.port or _PORT, deadline, resolve) as stream:
        stream.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
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


def _connected(host: str, port: int, deadline: Deadline,
               resolve: Callable[[str], Sequence[str]]) -> ssl.SSLSocket:
    """A checked connection to the first address of HOST that takes one."""
    context = _context(deadline)
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
            return context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    raise failure


def _context(deadline: Deadline) -> ssl.SSLContext:
    """A context whose sockets read and write within DEADLINE, and MAX_RECEIVED bytes at most."""
    import ssl  # noqa: PLC0415

    received = 0

    class Bounded(ssl.SSLSocket):
        def recv_into(self, *arguments: Any, **named: Any) -> int:
            nonlocal received
            self.settimeout(deadline.left())
            size = super().recv_into(*arguments, **named)
            received += size
            if received > MAX_RECEIVED:
                raise RemoteError(f"the server sends more than {MAX_RECEIVED} bytes")
            return size

        def send(self, *arguments: Any, **named: Any) -> int:
            self.settimeout(deadline.left())
            return super().send(*arguments, **named)

    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = Bounded
    return context


def _reason(error: Exception) -> str:
    """What went wrong, as one short printable line."""
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    text = text or type(error).__name__
    return "".join(char if char.isprintable() else "?" for char in text)[:200]

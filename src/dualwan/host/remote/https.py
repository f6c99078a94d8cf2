"""One HTTPS GET over IPv6, bounded in time, length and redirects; plain HTTP on request."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from dualwan import __version__
from dualwan.errors import RemoteError, legible
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning.hb46pp import MAX_BODY, checked_url, shown
from dualwan.words import say

REDIRECTS = 3
MAX_RECEIVED = 4 * MAX_BODY  # bytes a connection, with headers and chunk framing
CONNECT_SECONDS = 4.0  # for one address of several
_MOVED = (301, 302, 303, 307, 308)
_PORTS = {"https": 443, "http": 80}
# OpenSSL's words for an answer that is not TLS (1.1.1 to 3.5).
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
_OK = range(200, 300)


class CertificateError(RemoteError):
    """The server's certificate does not verify."""


class Response(NamedTuple):
    """The last response: its URL, its status (200 to 299) and its body."""

    url: str
    status: int
    body: bytes


def get(  # noqa: PLR0913 - each is about another step
    url: str,
    deadline: Deadline,
    resolve: Callable[[str], Sequence[str]],
    *,
    each: Callable[[str], str] = str,
    headers: Mapping[str, str] | None = None,
    redirects: int = REDIRECTS,
    schemes: tuple[str, ...] = ("https",),
    verify: bool = True,
) -> Response:
    """GET ``url``, and follow up to ``redirects`` redirects, all to ``schemes``.

    resolve: returns the IPv6 addresses of a host. each: changes a URL before each request.
    Certificates are checked against the system's store (SSL_CERT_FILE moves it), unless
    ``verify`` is False. Raises RemoteError unless the status is 200 to 299 and the body has at
    most MAX_BODY bytes; CertificateError is one.
    """
    for _ in range(redirects + 1):
        asked = each(checked_url(url, schemes))
        try:
            response, location = _once(asked, deadline, resolve, headers or {}, verify)
            url = urljoin(asked, location)
        except ssl.SSLCertVerificationError as error:
            raise CertificateError(
                say(
                    "{url}: its certificate does not verify: {reason}{hint}",
                    url=shown(url),
                    reason=_reason(error),
                    hint=_hint(),
                )
            ) from None
        except (OSError, HTTPException, ValueError) as error:
            deadline.left()  # after a socket's timeout, report the deadline
            raise RemoteError(
                say("{url}: {reason}", url=shown(url), reason=_reason(error))
            ) from None
        if response.status in _OK:
            return response
        if response.status not in _MOVED or not location:
            raise RemoteError(
                say("{url} answers with status {status}", url=shown(asked), status=response.status)
            )
    raise RemoteError(
        f"{shown(asked)} leads on to {shown(url)[:200]!a}, more than {redirects} redirects"
    )


class Bounded(RawIOBase):
    """A connection with a deadline, and a limit of ``most`` bytes read.

    HTTPResponse takes it for a socket: it calls makefile() and reads the result.
    """

    def __init__(self, stream: socket.socket, deadline: Deadline, most: int = MAX_RECEIVED) -> None:
        self._stream = stream
        self._deadline = deadline
        self._most = self._left = most

    def readable(self) -> bool:
        """Return True, for BufferedReader."""
        return True

    def makefile(self, _mode: str) -> BufferedReader:
        """Return the file object that HTTPResponse reads."""
        return BufferedReader(self)

    def readinto(self, buffer: Any) -> int:
        """Read at least one byte; raises RemoteError past the deadline or the limit."""
        self._stream.settimeout(self._deadline.left())
        size = self._stream.recv_into(buffer)
        self._left -= size
        if self._left < 0:
            raise RemoteError(f"the server sends more than {self._most} bytes")
        return size

    def send_all(self, data: bytes) -> None:
        """Write all of ``data``; raises RemoteError past the deadline."""
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
    verify: bool,
) -> tuple[Response, str]:
    """Send one request; return the response, and its Location header ("" for none)."""
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
    stream: Any = Bounded(_connected(parts, deadline, resolve, verify), deadline)
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
    parts: SplitResult,
    deadline: Deadline,
    resolve: Callable[[str], Sequence[str]],
    verify: bool,
) -> socket.socket:
    """Return a connection to the first address of the host that accepts one, by TLS for https."""
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    failure: OSError = OSError(0, "has no IPv6 address")
    for address in resolve(host):
        plain = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        try:
            plain.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
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
        if parts.scheme == "http":
            return plain
        try:
            return context(verify).wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    raise failure


def context(verify: bool = True) -> ssl.SSLContext:
    """Return a context with TLS 1.2 or later that checks certificate and name if ``verify``."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def _hint() -> str:
    """Return a remedy if this machine has no certificate authorities at all, else ""."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile and Path(paths.cafile).stat().st_size:
        return ""
    if paths.capath and any(Path(paths.capath).iterdir()):
        return ""
    return say(
        " (this machine knows no certificate authority; "
        "apt-get install --reinstall ca-certificates)"
    )


def _reason(error: Exception) -> str:
    """Return the reason for ``error`` as one printable line of up to 200 letters."""
    if getattr(error, "reason", "") in _NO_TLS:
        return say("the server does not speak TLS there")
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    text = text or type(error).__name__
    return legible(text)[:200]

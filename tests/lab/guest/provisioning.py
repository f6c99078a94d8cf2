"""A provider's HB46PP server and the resolver that points to it, right and wrong on demand.

Needs the standard library and openssl(1) only. Run as a program it serves until it is told
to stop: `provisioning.py FOLDER DNS-ADDRESS HTTPS-ADDRESS`. In FOLDER it reads `txt` (the TXT
record of 4over6.info, anew for each question; `-` for "no such name"), cert.pem and key.pem,
says "ready" when it is, and writes one request a line into `log`.

The path of the URL says how to answer: /case/NAME is the file NAME of FOLDER; the others
are in `_Answer`.
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv6Address
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

HOST = "vne.example"
OTHER_HOST = "other.example"  # resolves as HOST does, and is not in its certificate
_TXT, _AAAA = 16, 28


def make_certificates(folder: Path) -> Path:
    """Make an authority and HOST's certificate by it in FOLDER; the authority's file."""
    authority = folder / "ca.pem"
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
    ]
    subprocess.run(
        [
            *new,
            "-subj",
            "/CN=lab authority",
            "-keyout",
            str(folder / "ca.key"),
            "-out",
            str(authority),
            "-addext",
            "keyUsage=critical,keyCertSign",
        ],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [
            *new,
            "-subj",
            f"/CN={HOST}",
            "-CA",
            str(authority),
            "-CAkey",
            str(folder / "ca.key"),
            "-keyout",
            str(folder / "key.pem"),
            "-out",
            str(folder / "cert.pem"),
            "-addext",
            f"subjectAltName=DNS:{HOST}",
            "-addext",
            "basicConstraints=CA:false",
        ],
        check=True,
        capture_output=True,
    )
    return authority


def answer_dns(question: bytes, txt: str, address: str, *, by_udp: bool) -> bytes:
    """The resolver's answer; a record that is too long for UDP is truncated, as DNS demands."""
    end = question.index(b"\0", 12) + 5
    name, kind = question[12 : end - 4], int.from_bytes(question[end - 4 : end - 2], "big")
    records = []
    if b"4over6" in name and kind == _TXT and txt != "-":
        raw = txt.encode()
        records = [
            b"".join(
                bytes([len(raw[at : at + 255])]) + raw[at : at + 255]
                for at in range(0, len(raw), 255)
            )
        ]
    elif b"example" in name and kind == _AAAA:
        records = [IPv6Address(address).packed]
    cut = by_udp and sum(map(len, records)) > 400
    code = 0 if records else 3
    flags = 0x8180 | code | (0x200 if cut else 0)
    body = (
        b""
        if cut
        else b"".join(
            b"\xc0\x0c"
            + kind.to_bytes(2, "big")
            + b"\0\1\0\0\0\x3c"
            + len(record).to_bytes(2, "big")
            + record
            for record in records
        )
    )
    count = 0 if cut else len(records)
    return (
        question[:2]
        + flags.to_bytes(2, "big")
        + b"\0\1"
        + count.to_bytes(2, "big")
        + b"\0\0\0\0"
        + question[12:end]
        + body
    )


class _Answer(BaseHTTPRequestHandler):
    """One request, answered as its path says."""

    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path]
    stopped: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        with (self.folder / "log").open("a") as log:
            log.write(
                json.dumps(
                    {
                        "from": self.client_address[0],
                        "path": self.path,
                        "login": self.headers.get("Authorization", ""),
                    }
                )
                + "\n"
            )
        way, _, rest = urlsplit(self.path).path[1:].partition("/")
        getattr(self, f"_{way}")(rest)

    def log_message(self, *_: object) -> None:
        """Do nothing: the requests are logged in the file."""

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _case(self, name: str) -> None:
        self._send((self.folder / name).read_bytes(), Content_Type="application/json")

    def _huge(self, _: str) -> None:
        self._send(b'{"order": [' + b" " * 5_000_000 + b"]}")

    def _endless(self, _: str) -> None:
        self.send_response(200)
        self.end_headers()
        self._until_gone(b" " * 65536, 0)

    def _chunks(self, size: str) -> None:
        """Send a chunk that claims SIZE bytes, and never ends."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{size}\r\n".encode())
        self._until_gone(b" " * 65536, 0)

    def _headers(self, _: str) -> None:
        self.send_response(200)
        self.end_headers = lambda: None  # type: ignore[method-assign]
        self.flush_headers()
        self._until_gone(b"X-More: " + b"x" * 60000 + b"\r\n", 0)

    def _slow(self, _: str) -> None:
        """Send single bytes with pauses, even in the headers."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._until_gone(b"x", 0.2)

    def _slowbody(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "60000")
        self.end_headers()
        self._until_gone(b" ", 0.2)

    def _silent(self, _: str) -> None:
        self.stopped.wait(30)

    def _short(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "60000")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = True

    def _loop(self, count: str) -> None:
        self._send(b"", 307, Location=f"/loop/{int(count or 0) + 1}")

    def _to(self, rest: str) -> None:
        """A redirect to the path that follows."""
        self._send(b"", 307, Location=f"/{rest}")

    def _plain(self, _: str) -> None:
        self._send(b"", 307, Location=f"http://{HOST}/case/good.json")

    def _status(self, number: str) -> None:
        self._send(b"no", int(number))

    def _update(self, _: str) -> None:
        self._send("OK \x1b[2J 更新\nmore".encode())

    def _until_gone(self, piece: bytes, seconds: float) -> None:
        """Send PIECE again and again, until the other side hangs up."""
        self.close_connection = True
        try:
            while not self.stopped.wait(seconds):
                self.wfile.write(piece)
                self.wfile.flush()
        except OSError:
            return


class _Https(ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    context: ssl.SSLContext

    def finish_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Make the TLS handshake in the connection's thread: a silent client blocks no other."""
        if isinstance(request, socket.socket):
            with self.context.wrap_socket(request, server_side=True) as stream:
                super().finish_request(stream, client_address)

    def handle_error(self, *_: object) -> None:
        """Ignore errors: clients that hang up are what half of the tests are about."""


def serve(folder: Path, dns: str, https: str) -> None:
    """Serve until the standard input ends."""
    _Answer.folder = folder
    server = _Https((https, 443), _Answer)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind((dns, 53))
    tcp = socket.create_server((dns, 53), family=socket.AF_INET6)

    def answer(question: bytes, *, by_udp: bool) -> bytes:
        txt = (folder / "txt").read_text().strip()
        return answer_dns(question, txt, https, by_udp=by_udp)

    def by_udp() -> None:
        while True:
            question, peer = udp.recvfrom(4096)
            udp.sendto(b"junk", peer)
            udp.sendto(answer(question, by_udp=True), peer)

    def by_tcp() -> None:
        while True:
            stream, _ = tcp.accept()
            with stream:
                size = int.from_bytes(stream.recv(2), "big")
                reply = answer(stream.recv(size), by_udp=False)
                stream.sendall(len(reply).to_bytes(2, "big") + reply)

    for work in (by_udp, by_tcp, server.serve_forever):
        threading.Thread(target=work, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3])

"""Asking the line's resolvers for a few records: UDP, and TCP where the answer is cut short."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from dualwan.errors import RemoteError
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import dns

RESOLV_CONF = Path("/etc/resolv.conf")
PORT = 53
EACH_SECONDS = 2.0  # a resolver that is there answers in a fraction of it
MAX_SERVERS = 3  # as many as resolv.conf(5) uses


def resolvers(path: Path = RESOLV_CONF) -> tuple[str, ...]:
    """The name servers of resolv.conf(5), in its order; () where there are none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(re.findall(r"^[ \t]*nameserver[ \t]+(\S+)", text, re.MULTILINE))


def records(name: str, kind: int, servers: Sequence[str], deadline: Deadline,
            port: int = PORT) -> tuple[bytes, ...]:
    """NAME's records of type KIND (see dns) from the first of SERVERS that answers.

    Raises RemoteError when none does, or when the answer is that there is no such
    record: other servers would say something else only if they were not the line's.
    """
    if not servers:
        raise RemoteError(f"cannot ask for {name}: no name server is known")
    failures = []
    for server in servers[:MAX_SERVERS]:
        try:
            reply = _ask(name, kind, (server, port), deadline)
        except OSError as error:
            failures.append(f"{server} {error.strerror or 'does not answer'}")
            continue
        if reply.records:
            return reply.records
        if reply.code in {0, dns.NXDOMAIN}:
            raise RemoteError(f"{server} knows of no {name}: this line does not offer it")
        failures.append(f"{server} failed with code {reply.code}")
    raise RemoteError(f"no answer about {name}: {', '.join(failures)}")


def addresses(name: str, servers: Sequence[str], deadline: Deadline,
              port: int = PORT) -> tuple[str, ...]:
    """IPv6 addresses of NAME, which may be one itself; raises RemoteError."""
    if ":" in name:
        return (name,)
    found = records(name, dns.AAAA, servers, deadline, port)
    return tuple(dns.aaaa(content) for content in found)


def _ask(name: str, kind: int, server: tuple[str, int], deadline: Deadline) -> dns.Reply:
    """One question to one server. A connected socket hears nobody else."""
    question = dns.query(int.from_bytes(os.urandom(2), "big"), name, kind)
    try:
        address = ip_address(server[0].partition("%")[0])
    except ValueError:
        raise OSError(0, "is no address") from None
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004
    until = Deadline(deadline.left(EACH_SECONDS))
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.settimeout(until.left())
            udp.connect(_address(server))
            udp.send(question)
            reply = _udp_reply(udp, question, kind, until)
        if not reply.truncated:
            return reply
        until = Deadline(deadline.left(EACH_SECONDS))
        with socket.socket(family, socket.SOCK_STREAM) as tcp:
            tcp.settimeout(until.left())
            tcp.connect(_address(server))
            tcp.sendall(len(question).to_bytes(2, "big") + question)
            size = int.from_bytes(_exactly(tcp, 2, until), "big")
            return dns.reply(question, _exactly(tcp, size, until), kind)
    except RemoteError as error:
        deadline.left()  # the whole has no time left: then that is the reason
        raise OSError(0, str(error)) from None


def _udp_reply(udp: socket.socket, question: bytes, kind: int, until: Deadline) -> dns.Reply:
    """The first datagram that answers QUESTION; others are not ours to read."""
    while True:
        udp.settimeout(until.left())
        data = udp.recv(dns.MAX_UDP)
        with suppress(RemoteError):
            return dns.reply(question, data, kind)


def _exactly(tcp: socket.socket, size: int, until: Deadline) -> bytes:
    data = b""
    while len(data) < size:
        tcp.settimeout(until.left())
        more = tcp.recv(size - len(data))
        if not more:
            raise RemoteError("the DNS answer is cut off")
        data += more
    return data


def _address(server: tuple[str, int]) -> tuple[str, int] | tuple[str, int, int, int]:
    """What connect() takes, with the interface of a link-local address ("fe80::1%eth0")."""
    host, _, zone = server[0].partition("%")
    if not zone:
        return server
    return (host, server[1], 0, socket.if_nametoindex(zone))

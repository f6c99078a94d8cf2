"""TXT and AAAA records from the line's name servers, by UDP, and by TCP if UDP truncates.

dnspython makes the questions and reads the answers. The sockets are ours, because those of
dnspython (dns.query, dns.resolver) measure their timeouts by the wall clock, which NTP sets as
soon as the line is up. Loading dns.message takes 20 ms or more: import this module only where a
name is looked up.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from dns.exception import DNSException
from dns.flags import TC
from dns.inet import af_for_address, low_level_address_tuple
from dns.message import Message, Truncated, from_wire, make_query
from dns.rcode import NOERROR, NXDOMAIN

from dualwan.errors import RemoteError
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning.answer import check_end
from dualwan.words import listed, say

RESOLV_CONF = Path("/etc/resolv.conf")
PORT = 53
EACH_SECONDS = 2.0  # a working resolver takes a fraction of it
STABLE_SECONDS = 5.0
MAX_SERVERS = 3  # as many as resolv.conf(5) uses
MAX_UDP = 4096  # bytes; without EDNS no server sends more than 512
MAX_TCP = 16384  # bytes; a longer answer could take long to parse
MAX_RECORDS = 64  # no honest answer here has more


def resolvers(path: Path = RESOLV_CONF) -> tuple[str, ...]:
    """Return the name servers in resolv.conf(5), in order; empty if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(re.findall(r"^[ \t]*nameserver[ \t]+(\S+)", text, re.MULTILINE))


def stable_address(name: str, device: str = "") -> str:
    """Return the lowest IPv6 address of ``name``: servers rotate the order. Raises RemoteError.

    The name servers of the line on ``device`` are asked first. If they fail, or know no such name,
    the machine's are asked; ``device`` is "" to ask only these.
    """
    if ":" in name:
        return name
    from dualwan.host.remote import name_servers  # noqa: PLC0415 - HTTPS alone does without

    deadline = Deadline(STABLE_SECONDS)
    line = name_servers.of_line(device, deadline) if device else ()
    others = tuple(server for server in resolvers() if server not in line)
    reasons: dict[str, None] = {}
    for servers in (line, others):
        try:
            if servers:
                left = Deadline(deadline.left(STABLE_SECONDS - EACH_SECONDS))
                return min(addresses(name, servers, left))
        except RemoteError as error:
            reasons[str(error)] = None
    raise RemoteError(listed("; ", reasons) or _no_server(name))


def _no_server(name: str) -> str:
    return say("cannot ask for {name}: no name server is known", name=name)


def addresses(
    name: str, servers: Sequence[str], deadline: Deadline, port: int = PORT
) -> tuple[str, ...]:
    """Return the IPv6 addresses of ``name``, or ``name`` if it is one; raises RemoteError.

    Addresses of this machine, its links or its LAN are left out (``check_end``): a forged answer
    could make this program talk to a service there.
    """
    given = [name]
    if ":" not in name:
        given = [record.address for record in _records(name, "AAAA", servers, deadline, port)]
    found, refusal = [], RemoteError(say("{name!a} has no IPv6 address", name=name[:60]))
    for text in given:
        try:
            address = IPv6Address(text)
            check_end(address, f"the address of {name}")
        except ValueError:
            refusal = RemoteError(f"{name[:60]!a} is no IPv6 address")
        except RemoteError as error:
            refusal = error
        else:
            found.append(str(address))
    if not found:
        raise refusal
    return tuple(found)


def texts(
    name: str, servers: Sequence[str], deadline: Deadline, port: int = PORT
) -> tuple[str, ...]:
    """Return the TXT records of ``name``, each with its strings joined; raises RemoteError.

    Bytes that are not ASCII become "?".
    """
    return tuple(
        b"".join(record.strings).decode("ascii", "replace").replace("\ufffd", "?")
        for record in _records(name, "TXT", servers, deadline, port)
    )


def question(name: str, kind: str) -> Message:
    """Return a query for records of type ``kind``; raises RemoteError if ``name`` is malformed."""
    if name.isascii() and name.strip("."):
        with suppress(DNSException):
            return make_query(name, kind)
    raise RemoteError(f"{name[:60]!a} is no name that DNS could know")


def reply(asked: Message, data: bytes) -> Message:
    """Parse ``data`` as the answer to ``asked``.

    Raises RemoteError if it cannot be parsed, has another identifier or question, or too many
    records.
    """
    answer: Message
    try:
        answer = from_wire(data, ignore_trailing=True, raise_on_truncation=True)
    except Truncated as cut:  # perhaps within a record
        answer = cut.kwargs["message"]
    except (DNSException, ValueError):  # ValueError: an unknown opcode
        raise RemoteError("the DNS answer cannot be read") from None
    if not asked.is_response(answer):
        raise RemoteError("what came is no answer to the question")
    if sum(len(rrset) for rrset in answer.answer) > MAX_RECORDS:
        raise RemoteError(f"the DNS answer has more than {MAX_RECORDS} records")
    return answer


def records(asked: Message, answer: Message) -> list[Any]:
    """Return the records in ``answer`` of the type in ``asked``, whatever their owner name.

    A resolver follows CNAMEs, so the owner can be another name.
    """
    (wanted,) = asked.question
    return [
        record
        for rrset in answer.answer
        if (rrset.rdtype, rrset.rdclass) == (wanted.rdtype, wanted.rdclass)
        for record in rrset
    ]


def _records(
    name: str, kind: str, servers: Sequence[str], deadline: Deadline, port: int
) -> list[Any]:
    """Return the records of ``name`` from the first of ``servers`` that answers.

    Raises RemoteError if none answers, or if one answers that there is no such record. The
    remaining servers are not asked then: only servers of another line would answer differently.
    """
    if not servers:
        raise RemoteError(_no_server(name))
    failures = []
    for server in servers[:MAX_SERVERS]:
        asked = question(name, kind)  # a new identifier for each server
        try:
            answer = _ask(asked, (server, port), deadline)
        except OSError as error:
            failures.append(
                f"{server} {error.strerror}"
                if error.strerror
                else say("{server} does not answer", server=server)
            )
            continue
        if found := records(asked, answer):
            return found
        if answer.rcode() in {NOERROR, NXDOMAIN}:
            raise RemoteError(
                say(
                    "{server} knows of no {name}: this line does not offer it",
                    server=server,
                    name=name,
                )
            )
        failures.append(
            say("{server} failed with code {code}", server=server, code=int(answer.rcode()))
        )
    raise RemoteError(
        say("no answer about {name}: {reasons}", name=name, reasons=listed(", ", failures))
    )


def _ask(asked: Message, server: tuple[str, int], deadline: Deadline) -> Message:
    """Ask one server; raises OSError. A connected socket receives from that server only."""
    try:
        family = af_for_address(server[0])
    except ValueError:
        raise OSError(0, "is no address") from None
    try:
        address = low_level_address_tuple(server, family)  # with the interface of "fe80::1%eth0"
    except OSError:  # which Python has no number for before 3.14
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV)) from None
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            answer = _by_udp(udp, address, asked, Deadline(deadline.left(EACH_SECONDS)))
        if not answer.flags & TC:
            return answer
        with socket.socket(family, socket.SOCK_STREAM) as tcp:
            return _by_tcp(tcp, address, asked, Deadline(deadline.left(EACH_SECONDS)))
    except RemoteError as error:
        deadline.left()  # raises if the whole has no time left
        raise OSError(0, str(error)) from None


def _by_udp(udp: socket.socket, address: Any, asked: Message, until: Deadline) -> Message:
    """Return the first datagram that is an answer to ``asked``; ignore others."""
    udp.settimeout(until.left())
    udp.connect(address)
    udp.send(asked.to_wire())
    while True:
        udp.settimeout(until.left())
        data = udp.recv(MAX_UDP)
        with suppress(RemoteError):
            return reply(asked, data)


def _by_tcp(tcp: socket.socket, address: Any, asked: Message, until: Deadline) -> Message:
    tcp.settimeout(until.left())
    tcp.connect(address)
    wire = asked.to_wire()
    tcp.sendall(len(wire).to_bytes(2, "big") + wire)
    size = int.from_bytes(_exactly(tcp, 2, until), "big")
    if size > MAX_TCP:
        raise RemoteError(f"the DNS answer is longer than {MAX_TCP} bytes")
    return reply(asked, _exactly(tcp, size, until))


def _exactly(tcp: socket.socket, size: int, until: Deadline) -> bytes:
    data = b""
    while len(data) < size:
        tcp.settimeout(until.left())
        more = tcp.recv(size - len(data))
        if not more:
            raise RemoteError("the DNS answer is cut off")
        data += more
    return data

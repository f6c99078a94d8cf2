"""Ask the line's name servers for TXT and AAAA records: UDP, and TCP for what UDP cuts short.

dnspython makes the questions and reads the answers. The sockets are ours, because its own
(dns.query, dns.resolver) end a wait by the wall clock, and NTP sets that as soon as the line
is up. Loading dns.message takes 20 ms, so that happens where a name is looked up.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualwan.errors import RemoteError
from dualwan.host.remote.deadline import Deadline

if TYPE_CHECKING:
    from dns.message import Message

RESOLV_CONF = Path("/etc/resolv.conf")
PORT = 53
EACH_SECONDS = 2.0  # a resolver that is there answers in a fraction of it
STABLE_SECONDS = 5.0
MAX_SERVERS = 3  # as many as resolv.conf(5) uses
MAX_UDP = 4096  # bytes; without EDNS no server sends more than 512
MAX_TCP = 16384  # bytes; the names of a longer answer would take long to read
MAX_RECORDS = 64  # no honest answer here has more


def resolvers(path: Path = RESOLV_CONF) -> tuple[str, ...]:
    """Return the name servers of resolv.conf(5), in its order; () where there are none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(re.findall(r"^[ \t]*nameserver[ \t]+(\S+)", text, re.MULTILINE))


def stable_address(name: str) -> str:
    """Return the least IPv6 address of ``name``: the same one however a server turns them."""
    return min(addresses(name, resolvers(), Deadline(STABLE_SECONDS)))


def addresses(
    name: str, servers: Sequence[str], deadline: Deadline, port: int = PORT
) -> tuple[str, ...]:
    """Return the IPv6 addresses of ``name``, which may be one itself; raises RemoteError."""
    if ":" in name:
        return (name,)
    return tuple(
        str(IPv6Address(record.address))
        for record in _records(name, "AAAA", servers, deadline, port)
    )


def texts(
    name: str, servers: Sequence[str], deadline: Deadline, port: int = PORT
) -> tuple[str, ...]:
    """Return the TXT records of ``name``, each with its strings joined; raises RemoteError.

    A byte that is not ASCII becomes "?".
    """
    return tuple(
        b"".join(record.strings).decode("ascii", "replace").replace("\ufffd", "?")
        for record in _records(name, "TXT", servers, deadline, port)
    )


def question(name: str, kind: str) -> Message:
    """Return the question for records of type ``kind``; raises RemoteError for no such name."""
    from dns.exception import DNSException  # noqa: PLC0415 - see the module's docstring
    from dns.message import make_query  # noqa: PLC0415

    if name.isascii() and name.strip("."):
        with suppress(DNSException):
            return make_query(name, kind)
    raise RemoteError(f"{name[:60]!a} is no name that DNS could know")


def reply(asked: Message, data: bytes) -> Message:
    """Read ``data`` as the answer to ``asked``; raises RemoteError if it is none.

    It has to carry the identifier and the question of ``asked``, and not too many records.
    """
    from dns.exception import DNSException  # noqa: PLC0415
    from dns.message import Truncated, from_wire  # noqa: PLC0415

    answer: Message
    try:
        answer = from_wire(data, ignore_trailing=True, raise_on_truncation=True)
    except Truncated as cut:  # maybe in the middle of a record
        answer = cut.kwargs["message"]
    except (DNSException, ValueError):  # a ValueError for an opcode that is none
        raise RemoteError("the DNS answer cannot be read") from None
    if not asked.is_response(answer):
        raise RemoteError("what came is no answer to the question")
    if sum(len(rrset) for rrset in answer.answer) > MAX_RECORDS:
        raise RemoteError(f"the DNS answer has more than {MAX_RECORDS} records")
    return answer


def records(asked: Message, answer: Message) -> list[Any]:
    """Return the records of the type that was asked for.

    They count whoever's they are: a resolver follows aliases by itself.
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

    Raises RemoteError when none does, or when the answer is that there is no such record:
    other servers would say something else only if they were not the line's.
    """
    if not servers:
        raise RemoteError(f"cannot ask for {name}: no name server is known")
    from dns.rcode import NOERROR, NXDOMAIN  # noqa: PLC0415

    failures = []
    for server in servers[:MAX_SERVERS]:
        asked = question(name, kind)  # each server its own identifier
        try:
            answer = _ask(asked, (server, port), deadline)
        except OSError as error:
            failures.append(f"{server} {error.strerror or 'does not answer'}")
            continue
        if found := records(asked, answer):
            return found
        if answer.rcode() in {NOERROR, NXDOMAIN}:
            raise RemoteError(f"{server} knows of no {name}: this line does not offer it")
        failures.append(f"{server} failed with code {int(answer.rcode())}")
    raise RemoteError(f"no answer about {name}: {', '.join(failures)}")


def _ask(asked: Message, server: tuple[str, int], deadline: Deadline) -> Message:
    """Ask one server; raises OSError. A connected socket hears nobody else."""
    from dns.flags import TC  # noqa: PLC0415
    from dns.inet import af_for_address, low_level_address_tuple  # noqa: PLC0415

    try:
        family = af_for_address(server[0])
    except ValueError:
        raise OSError(0, "is no address") from None
    address = low_level_address_tuple(server, family)  # with the interface of "fe80::1%eth0"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            answer = _by_udp(udp, address, asked, Deadline(deadline.left(EACH_SECONDS)))
        if not answer.flags & TC:
            return answer
        with socket.socket(family, socket.SOCK_STREAM) as tcp:
            return _by_tcp(tcp, address, asked, Deadline(deadline.left(EACH_SECONDS)))
    except RemoteError as error:
        deadline.left()  # the whole has no time left: then that is the reason
        raise OSError(0, str(error)) from None


def _by_udp(udp: socket.socket, address: Any, asked: Message, until: Deadline) -> Message:
    """Return the first datagram that answers; others are not ours to read."""
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

"""DNS messages, as little as finding a provisioning server takes (RFC 1035, RFC 3596). Pure.

dnspython is in Debian, but loading it takes 36 to 50 ms, several times the start of Python,
and two record types are all that is needed.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import NamedTuple

from dualwan.errors import RemoteError

TXT = 16
AAAA = 28
CLASS_IN = 1
NXDOMAIN = 3
MAX_UDP = 4096  # bytes read; without EDNS no server sends more than 512

_HEADER = 12  # bytes
_FIXED = 10  # bytes of a record after its name: type, class, TTL, length
_ANSWER, _TRUNCATED, _RECURSE = 0x8000, 0x0200, 0x0100
_POINTER = 0xC0
_MAX_LABEL = 63
_MAX_RECORDS = 64  # no honest answer here has more


class Reply(NamedTuple):
    """code: 0, or what went wrong (RFC 1035 section 4.1.1, RCODE); records: their content."""

    code: int
    truncated: bool
    records: tuple[bytes, ...]


def query(identifier: int, name: str, kind: int) -> bytes:
    """Question for NAME's records of type KIND; raises RemoteError for no such name."""
    labels = name.rstrip(".").encode("ascii", "replace").split(b".")
    if any(not 0 < len(label) <= _MAX_LABEL for label in labels) or len(name) > 253:  # noqa: PLR2004
        raise RemoteError(f"{name[:60]!r} is no name that DNS could know")
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    header = b"".join(number.to_bytes(2, "big") for number in (identifier, _RECURSE, 1, 0, 0, 0))
    return header + question + kind.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")


def reply(asked: bytes, data: bytes, kind: int) -> Reply:
    """Read the answer DATA to the question ASKED, of type KIND.

    Records of that type count whoever's they are: a resolver follows aliases by itself.
    Raises RemoteError if it is not an answer to this question, or ends too early.
    """
    end = len(asked)
    same = data[:2] == asked[:2] and data[_HEADER:end].lower() == asked[_HEADER:].lower()
    flags = _number(data, 2)
    if not same or not flags & _ANSWER or _number(data, 4) != 1:
        raise RemoteError("what came is no answer to the question")
    count = _number(data, 6)
    if flags & _TRUNCATED or count > _MAX_RECORDS:
        return Reply(flags & 0xF, bool(flags & _TRUNCATED), ())
    found = []
    for _ in range(count):
        end = _after_name(data, end)
        length = _number(data, end + 8)
        content = data[end + _FIXED:end + _FIXED + length]
        if len(content) != length:
            raise RemoteError("the DNS answer is cut off")
        if _number(data, end) == kind and _number(data, end + 2) == CLASS_IN:
            found.append(content)
        end += _FIXED + length
    return Reply(flags & 0xF, truncated=False, records=tuple(found))


def txt(content: bytes) -> str:
    """The strings of a TXT record, joined (RFC 1035 section 3.3.14); not ASCII becomes "?"."""
    joined, at = b"", 0
    while at < len(content):
        joined += content[at + 1:at + 1 + content[at]]
        at += 1 + content[at]
    return joined.decode("ascii", "replace").replace("\ufffd", "?")


def aaaa(content: bytes) -> str:
    """The address of an AAAA record; raises RemoteError."""
    try:
        return str(IPv6Address(content))
    except ValueError:
        raise RemoteError("the DNS answer has an address that is none") from None


def _after_name(data: bytes, at: int) -> int:
    """Where the name at AT ends: at a zero or at a pointer (section 4.1.4), never followed."""
    while at < len(data):
        size = data[at]
        if not size:
            return at + 1
        if size & _POINTER == _POINTER:
            return at + 2
        at += 1 + size
    raise RemoteError("the DNS answer is cut off")


def _number(data: bytes, at: int) -> int:
    """Two bytes; raises RemoteError where they are missing."""
    if len(data) < at + 2:
        raise RemoteError("the DNS answer is cut off")
    return int.from_bytes(data[at:at + 2], "big")

"""Messages of nf_tables as the kernel sends them, and a socket to a kernel that sends these."""

import socket
import struct

DONE, ERROR = 3, 2


def attribute(kind, content):
    """Return one attribute, padded to four bytes."""
    return struct.pack("=HH", 4 + len(content), kind) + content + b"\0" * (-len(content) % 4)


def text(kind, content):
    """Return an attribute with a name."""
    return attribute(kind, content.encode() + b"\0")


def number(kind, value, size=4):
    """Return an attribute with a number, of 4 bytes or SIZE."""
    return attribute(kind, value.to_bytes(size, "big"))


def nested(kind, *parts):
    """Return an attribute with attributes (NLA_F_NESTED)."""
    return attribute(kind | 0x8000, b"".join(parts))


def message(kind, body):
    """Return one netlink message, padded to four bytes."""
    return struct.pack("=IHHII", 16 + len(body), kind, 2, 1, 0) + body + b"\0" * (-len(body) % 4)


def answer(kind, *parts, family=2):
    """Return a message of nf_tables: an object's attributes."""
    return message(10 << 8 | kind, struct.pack("=BBH", family, 0, 0) + b"".join(parts))


def end():
    """Return the end of a dump."""
    return message(DONE, b"\0" * 4)


def refusal(code):
    """Return an error by its number."""
    return message(ERROR, struct.pack("=i", -code) + b"\0" * 16)


class Kernel:
    """A socket to a kernel that answers with PARTS, a recv() each."""

    def __init__(self, parts):
        self.parts, self.asked, self.closed = list(parts), [], False

    def __call__(self, *kind):
        """Open one, as socket.socket does."""
        assert kind == (socket.AF_NETLINK, socket.SOCK_RAW, 12)
        return self

    def close(self):
        """See socket."""
        self.closed = True

    def settimeout(self, seconds):
        """See socket."""
        assert seconds > 0

    def send(self, asked):
        """Take a question."""
        self.asked.append(asked)

    def recv(self, size):
        """Return the next part."""
        part = self.parts.pop(0)
        assert len(part) <= size
        return part

"""The names of nft tables and the generation of the ruleset, from the kernel's messages."""

import errno
import struct

import pytest
from nf_messages import Kernel, attribute, message

from dualwan.host import nfnetlink, nft_handles, nft_names

NEW_TABLE, DONE, ERROR = 10 << 8, 3, 2


def table(name, family=1):
    """Return the message of one table: its name, its flags, and how many chains it has."""
    return message(
        NEW_TABLE,
        struct.pack("=BBH", family, 0, 0)
        + attribute(1, name.encode() + b"\0")
        + attribute(2, b"\0\0\0\0")
        + attribute(3, b"\0\0\0\1"),
    )


@pytest.fixture
def names(monkeypatch):
    """Return a function that asks a kernel with these answers."""

    def ask(*parts):
        kernel = Kernel(parts)
        monkeypatch.setattr(nfnetlink.socket, "socket", kernel)
        try:
            return nft_names.names()
        finally:
            assert kernel.closed
            (asked,) = kernel.asked  # a dump of tables, of every family
            assert struct.unpack("=IHHIIBBH", asked) == (20, 10 << 8 | 1, 0x301, 1, 0, 0, 0, 0)

    return ask


def test_names_of_every_family(names):
    """Each once, whatever the length of its name and whatever else is said of it."""
    tables = [
        table("dualwan_snat", 2),
        table("filter", 2),
        table("filter", 10),
        table("x", 1),
        table("four", 5),
    ]
    assert names(b"".join(tables) + message(DONE, b"\0" * 4)) == {
        "dualwan_snat",
        "filter",
        "x",
        "four",
    }


def test_an_answer_over_several_buffers(names):
    """The kernel hands over as many whole messages as fit; the end comes by itself."""
    assert names(table("one") + table("two"), table("three"), message(DONE, b"\0" * 4)) == {
        "one",
        "two",
        "three",
    }


def test_no_table_at_all(names):
    """The end comes at once."""
    assert names(message(DONE, b"\0" * 4)) == frozenset()


def test_a_refusal_is_an_error_with_its_number(names):
    """Without the right to look it is a PermissionError, which the caller can tell."""
    with pytest.raises(PermissionError):
        names(message(ERROR, struct.pack("=i", -1) + b"\0" * 16))
    with pytest.raises(OSError, match=r"^\[Errno 22\] Invalid argument$"):
        names(table("one") + message(ERROR, struct.pack("=i", -22) + b"\0" * 16))


GENERIC = struct.pack("=BBH", 1, 0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        *(struct.pack("=IHHII", length, 99, 0, 1, 0) for length in (0, 1, 15, 17, 1 << 31)),
        *(
            message(NEW_TABLE, GENERIC + struct.pack("=HH", length, 7) + attribute(1, b"one\0"))
            for length in (0, 3, 13, 0xFFFF)
        ),
        struct.pack("=I", 4000) + table("")[4:20] + struct.pack("=HH", 7, 1) + b"one",
    ],
    ids=lambda answer: answer[:24].hex(" ", 4),
)
def test_a_length_that_cannot_be_is_no_answer(names, answer):
    """Of a message or an attribute: what follows cannot be found, so no part of it is taken."""
    with pytest.raises(OSError, match="Bad message") as caught:
        names(answer, message(DONE, b"\0" * 4))
    assert caught.value.errno == errno.EBADMSG


def test_a_name_that_is_no_text(names):
    """Another program may give a table any bytes for a name; ours are seen all the same."""
    foreign = message(NEW_TABLE, struct.pack("=BBH", 1, 0, 0) + attribute(1, b"\xff\xfe\0"))
    assert names(foreign + table("dualwan_snat") + message(DONE, b"\0" * 4)) == {
        "\ufffd\ufffd",
        "dualwan_snat",
    }


# --- the generation ----------------------------------------------------------------------


@pytest.fixture
def generation(monkeypatch):
    """Return a function that asks a kernel with this answer."""

    def ask(*parts):
        monkeypatch.setattr(nfnetlink.socket, "socket", Kernel(parts))
        return nft_handles.generation()

    return ask


def test_the_generation_of_the_ruleset(generation):
    """In network byte order; the process that asks is named behind it."""
    body = struct.pack("=BBH", 0, 0, 0) + attribute(1, bytes([0, 0, 1, 2]))
    assert generation(message(10 << 8 | 15, body + attribute(3, b"python3\0"))) == 258


def test_a_generation_that_is_refused(generation):
    """Without root."""
    with pytest.raises(PermissionError):
        generation(message(ERROR, struct.pack("=i", -1) + b"\0" * 16))

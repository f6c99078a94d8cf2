"""What netlink messages tell: whether they may be about something of ours, and who sent them."""

import errno
import itertools
import struct

import pytest

from dualwan.host.news import News, Repeats, ignoring_overrun, of_nft, of_route

NEW_LINK, NEW_ADDRESS, DELETE_ADDRESS, NEW_ROUTE, DELETE_ROUTE = 16, 20, 21, 24, 25
NEW_RULE, NETCONF = 32, 80
IPV4, IPV6 = 2, 10
CLOCK = itertools.count()


def netlink(kind, body, process=0):
    """Return a message with its header."""
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, process) + body


def route(kind, family, length, protocol, process=0):
    """Return a RTM_NEWROUTE or RTM_DELROUTE."""
    body = struct.pack("=BBBBBBBBI", family, length, 0, 0, 254, protocol, 0, 1, 0)
    return netlink(kind, body, process)


def told_of(kind, last, preferred, flags=0, index=2):
    """Return a RTM_NEWADDR or RTM_DELADDR of 2001:db8::``last``; ``preferred``: seconds."""
    body = struct.pack("=BBBBI", IPV6, 64, flags & 0xFF, 0, index)
    whole = bytes.fromhex("20010db8") + bytes(11) + bytes([last])
    stamps = struct.pack("=IIII", preferred, 86400, 100, next(CLOCK))  # cstamp, tstamp
    for number, value in ((1, whole), (6, stamps), (8, struct.pack("=I", flags))):
        body += struct.pack("=HH", 4 + len(value), number) + value
    return netlink(kind, body)


def nft(kind, name=b"", attributes=b""):
    """Return a message of nf_tables whose first attribute is the name of a table."""
    if name:
        length = 4 + len(name) + 1
        attributes = struct.pack("=HH", length, 1) + name + bytes(-length % 4 + 1) + attributes
    return netlink(10 << 8 | kind, struct.pack("=BBH", 1, 0, 0) + attributes)


ADDRESS = netlink(DELETE_ADDRESS, bytes(8))
FOREIGN_ROUTE = route(NEW_ROUTE, IPV4, 24, 4)
OUR_TABLE = nft(2, b"dualwan_snat")  # NFT_MSG_DELTABLE


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        (netlink(NEW_LINK, bytes(16)), True),
        (ADDRESS, True),
        (netlink(NEW_RULE, bytes(12)), True),
        (netlink(NETCONF, bytes(4)), True),
        (route(NEW_ROUTE, IPV4, 0, 3), True),  # takes the place of ours: no other message says so
        (route(DELETE_ROUTE, IPV6, 0, 9), True),
        (route(DELETE_ROUTE, IPV4, 24, 217), True),
        (FOREIGN_ROUTE, False),
        (route(DELETE_ROUTE, IPV6, 64, 2), False),
    ],
)
def test_what_rtnetlink_tells(message, ours):
    """All but routes of others that are no default routes."""
    assert of_route(message) == News(ours)


def test_who_asked_the_kernel_is_told():
    """By its port, which is its process id; the kernel itself has none."""
    assert of_route(route(NEW_ROUTE, IPV4, 0, 3, process=4711)).process == 4711
    assert of_route(netlink(NEW_LINK, bytes(16), process=12)).process == 12


def test_an_address_that_is_announced_again_is_no_news():
    """A router advertisement renews it; other flags, another lifetime or device are news."""
    repeats = Repeats()
    first, again = told_of(NEW_ADDRESS, 1, 14400), told_of(NEW_ADDRESS, 1, 14400)
    assert [repeats.one(message) for message in (first, again, again)] == [False, True, True]
    for other in (
        told_of(NEW_ADDRESS, 1, 0),
        told_of(NEW_ADDRESS, 1, 0, flags=0x20),  # IFA_F_DEPRECATED
        told_of(NEW_ADDRESS, 1, 14400),
        told_of(NEW_ADDRESS, 1, 14400, index=3),
        told_of(NEW_ADDRESS, 2, 14400),
    ):
        assert not repeats.one(other)
        assert repeats.one(other)


def test_an_address_that_comes_back_is_news():
    """As is its end; and after an overrun nothing is known."""
    repeats = Repeats()
    there, gone = told_of(NEW_ADDRESS, 1, 14400), told_of(DELETE_ADDRESS, 1, 0)
    repeats.one(there)
    assert [repeats.one(message) for message in (gone, gone, there, there)] == [
        False,
        False,
        False,
        True,
    ]
    repeats.forget()
    assert not repeats.one(there)


@pytest.mark.parametrize("message", [netlink(NEW_ADDRESS, b""), netlink(NEW_LINK, bytes(32))])
def test_what_is_no_address_is_never_a_repetition(message):
    """Of a link the flags count, and a message that is cut off may be about anything."""
    repeats = Repeats()
    assert not any(repeats.one(message) for _ in range(3))


@pytest.mark.parametrize(
    ("name", "ours"), [(b"dualwan_snat", True), (b"filter", False), (b"dualwan", False)]
)
@pytest.mark.parametrize("kind", [0, 2, 3, 5, 6, 8, 9, 12, 18])
def test_news_of_a_table_is_ours_by_its_name(kind, name, ours):
    """Tables, chains, rules, sets, elements and objects alike; it does not wait."""
    assert of_nft(nft(kind, name)) == News(ours, ours)


def test_the_end_of_a_transaction_names_its_process():
    """NFTA_GEN_PROC_PID in network byte order, NFTA_GEN_PROC_NAME."""
    found = of_nft(
        nft(
            15,
            attributes=struct.pack("=HH", 8, 1)
            + bytes(4)
            + struct.pack("=HH", 8, 2)
            + (4711).to_bytes(4, "big")
            + struct.pack("=HH", 8, 3)
            + b"nft\0",
        )
    )
    assert found == News(False, False, 4711, "nft")


def test_a_message_without_attributes_is_not_ours():
    """Nobody knows what it is about."""
    assert of_nft(nft(0)) == News(False, False)


def test_only_an_overrun_is_ignored():
    """Another error of a socket is one."""
    with ignoring_overrun():
        raise OSError(errno.ENOBUFS, "No buffer space available")
    with pytest.raises(OSError, match="Bad file"), ignoring_overrun():
        raise OSError(errno.EBADF, "Bad file descriptor")

"""What netlink messages tell: whether they may be about something of ours, and who sent them."""

import errno
import struct

import pytest
from news_messages import (
    ADDRESS,
    DELETE_ADDRESS,
    DELETE_ROUTE,
    FOREIGN_ROUTE,
    IPV4,
    IPV6,
    NETCONF,
    NEW_ADDRESS,
    NEW_LINK,
    NEW_ROUTE,
    NEW_RULE,
    netlink,
    nft,
    route,
    told_of,
)

from dualwan.host.news import News, Repeats, ignoring_overrun, of_nft, of_route


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

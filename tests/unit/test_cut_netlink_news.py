"""A message of the kernel that is cut off may have been about anything, also about ours."""

import struct
from types import SimpleNamespace

import pytest

from dualwan.host import news, watch
from dualwan.host.news import News


@pytest.mark.parametrize("length", [0, 1, 15, 16, 23])
def test_a_route_that_is_cut_off_may_be_ours(length):
    """The watcher looks, once."""
    message = struct.pack("=IHHII", length, news.NEW_ROUTE, 0, 0, 0) + bytes(8)
    assert news.of_route(message[:length]) == News(ours=True)


@pytest.mark.parametrize("length", [0, 15, 19])
def test_a_table_that_is_cut_off_may_be_ours(length):
    """So it is looked at without the pause in which other news would settle."""
    assert news.of_nft(bytes(length)) == News(ours=True, urgent=True)


@pytest.mark.parametrize("length", [0, 3, 15, 1 << 31])
def test_a_length_that_cannot_be_ends_no_watch(length):
    """What is left of the datagram may have been anything, as where the kernel had no room."""
    heard, urgent = read(struct.pack("=IHHII", length, 16, 0, 0, 0) + bytes(4), news.of_route)
    assert (heard, urgent) == (True, True)


@pytest.mark.parametrize("length", [0, 3, 9])
@pytest.mark.parametrize("kind", [news.NEW_ADDRESS, 10 << 8])
def test_an_attribute_of_an_impossible_length_ends_no_watch(kind, length):
    """Of an address, or of a table: it may have been one of ours."""
    body = bytes(8 if kind == news.NEW_ADDRESS else 4) + struct.pack("=HHI", length, 1, 0)
    message = struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body
    assert read(message, news.of_nft if kind == 10 << 8 else None) == (True, True)


@pytest.mark.parametrize("length", [0, 15, 16, 23])
def test_an_address_that_is_cut_off_is_no_repetition(length):
    """So it is looked at."""
    message = struct.pack("=IHHII", 16, news.NEW_ADDRESS, 0, 0, 0) + bytes(8)
    assert not news.Repeats().one(message[:length])


def read(data, of):
    """Let a watch without sockets read a datagram; return what it heard, and whether at once."""
    waiting = [data]
    listening = watch.Watch.__new__(watch.Watch)
    listening._by, listening._urgent, listening._touched = {}, False, False  # noqa: SLF001 - without sockets
    listening._repeats = news.Repeats()  # noqa: SLF001 - without sockets
    source = SimpleNamespace(recv=lambda *_: waiting.pop() if waiting else b"")
    heard = listening._read(source, of or listening._of_route)  # noqa: SLF001 - without sockets
    return heard, listening._urgent  # noqa: SLF001 - without sockets

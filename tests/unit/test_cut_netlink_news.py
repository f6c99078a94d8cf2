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
    """What is left of the datagram is read as one more message, or not at all."""
    waiting = [struct.pack("=IHHII", length, 16, 0, 0, 0) + bytes(4)]
    listening = watch.Watch.__new__(watch.Watch)
    listening._by, listening._urgent, listening._touched = {}, False, False  # noqa: SLF001
    source = SimpleNamespace(recv=lambda *_: waiting.pop() if waiting else b"")
    assert listening._read(source, news.of_route)  # noqa: SLF001 - without a socket

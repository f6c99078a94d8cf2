"""What wakes the watcher, and whom it says to be the cause."""

import errno
import os
import socket
import struct
import sys
import time
from pathlib import Path

import pytest
from listening import Udev
from news_messages import ADDRESS, FOREIGN_ROUTE, NEW_ADDRESS, OUR_TABLE, nft, told_of

from dualwan.errors import HostError
from dualwan.host import watch


class Source:
    """A netlink socket: what is put into it can be read once. ``overrun``: ENOBUFS comes first."""

    def __init__(self):
        self.bound, self.groups, self.forced = None, [], 0
        self.overrun = self.closed = self.in_container = False
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def __call__(self, family, kind, protocol):
        """Open it, as socket.socket does."""
        assert (family, kind) == (socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC)
        self.protocol = protocol
        return self

    def bind(self, where):
        """See socket."""
        self.bound = where

    def setsockopt(self, level, option, value):
        """See socket."""
        if level == 270:
            assert option == 1
            assert self.bound is not None, "the kernel tells nothing to a socket without address"
            self.groups.append(value)
        elif option == watch.SO_RCVBUFFORCE and self.in_container:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        else:
            self.forced = value

    def fileno(self):
        """See socket."""
        return self._ours.fileno()

    def recv(self, size, flags):
        """See socket."""
        if self.overrun:
            self.overrun = False
            raise OSError(errno.ENOBUFS, "No buffer space available")
        return self._ours.recv(size, flags)

    def put(self, *messages):
        """Let the kernel send ``messages`` in one buffer."""
        self._theirs.send(b"".join(messages))

    def close(self):
        """See socket; nothing is read any more."""
        self.closed = True

    def end(self):
        """Close what the test has opened."""
        self._ours.close()
        self._theirs.close()


class Ears:
    """A Watch with its sources."""

    def __init__(self, monkeypatch, *, in_container=False):
        self.route, self.nft = Source(), Source()
        self.route.in_container = self.nft.in_container = in_container
        self.udev = Udev().use(monkeypatch)
        sources = iter((self.route, self.nft))
        monkeypatch.setattr(watch.socket, "socket", lambda *kind: next(sources)(*kind))  # noqa: PLW0108 - each call takes the next
        monkeypatch.setattr(watch, "pyudev", sys.modules["pyudev"])
        monkeypatch.setattr(watch, "QUIET_SECONDS", 0.02)
        self.watch = watch.Watch()


@pytest.fixture(name="ears")
def _ears(monkeypatch):
    """Return what the watcher hears by, and what it is told by."""
    made = Ears(monkeypatch)
    yield made
    made.watch.close()
    assert made.route.closed
    assert made.nft.closed
    made.route.end()
    made.nft.end()
    made.udev.close_all()


def test_in_a_container_it_listens_with_the_buffer_that_it_may_have(monkeypatch):
    """Root of a user namespace may not force one: the kernel grants what rmem_max says."""
    made = Ears(monkeypatch, in_container=True)
    assert made.route.forced == made.nft.forced == watch.RECEIVE_BUFFER
    assert made.route.groups
    made.watch.close()
    made.route.end()
    made.nft.end()
    made.udev.close_all()


def test_it_listens_for_all_that_is_ours(ears):
    """Links, addresses, routes, rules and netconf; nft; udev's devices of the network."""
    assert (ears.route.protocol, ears.route.groups) == (0, [1, 5, 7, 8, 9, 11, 24, 25])
    assert (ears.nft.protocol, ears.nft.groups) == (12, [7])
    assert ears.udev.filtered == ["net"]
    assert ears.udev.started
    assert ears.nft.forced == 1 << 20


def test_silence_wakes_nobody(ears):
    """The time is over, and nothing was heard."""
    assert ears.watch.wait(0.01) is False


def test_news_of_others_does_not_end_the_wait(ears):
    """A route that is no default, a table of another program."""
    ears.route.put(FOREIGN_ROUTE)
    ears.nft.put(nft(0, b"filter"))
    assert ears.watch.wait(0.05) is False


def test_an_advertisement_that_repeats_itself_wakes_nobody(ears):
    """Until an overrun: what was lost may have been anything."""
    again = told_of(NEW_ADDRESS, 1, 14400)
    ears.route.put(again)
    assert ears.watch.wait(10) is True
    ears.route.put(again)
    assert ears.watch.wait(0.05) is False
    ears.route.overrun = True
    ears.route.put(again)
    assert ears.watch.wait(10) is True
    assert ears.watch.drain() is True
    ears.route.put(again)
    assert ears.watch.wait(0.05) is False


@pytest.mark.parametrize("how", ["netlink", "nft", "udev", "overrun", "sysctl"])
def test_what_may_be_ours_wakes(ears, how, tmp_path, monkeypatch):
    """Whatever tells it; after an overrun it may have been anything."""
    if how == "netlink":
        ears.route.put(ADDRESS)
    elif how == "nft":
        ears.nft.put(OUR_TABLE)
    elif how == "udev":
        ears.udev.ring()
    elif how == "overrun":
        ears.route.overrun = True
        ears.route.put(FOREIGN_ROUTE)
    else:
        monkeypatch.setattr(watch, "PROC_SYS", tmp_path)
        (tmp_path / "value").write_text("1")
        ears.watch.follow(("value", "missing"), (2,))
        (tmp_path / "value").write_text("0")
    assert ears.watch.wait(10) is True


def test_a_storm_wakes_once(ears):
    """All that comes before it is quiet is one change; then nothing is left."""
    for _ in range(100):
        ears.route.put(ADDRESS, FOREIGN_ROUTE)
    assert ears.watch.wait(10) is True
    assert ears.watch.wait(0.01) is False


def test_a_storm_that_does_not_end_is_not_waited_for(ears, monkeypatch):
    """At the latest after LONGEST_SECONDS."""
    monkeypatch.setattr(watch, "QUIET_SECONDS", 10.0)
    monkeypatch.setattr(watch, "LONGEST_SECONDS", 0.0)
    ears.route.put(ADDRESS)
    began = time.monotonic()
    assert ears.watch.wait(10) is True
    assert time.monotonic() - began < 5


def test_a_table_of_ours_is_not_waited_with(ears, monkeypatch):
    """While it is gone the router may be open."""
    monkeypatch.setattr(watch, "QUIET_SECONDS", 10.0)
    ears.nft.put(OUR_TABLE)
    began = time.monotonic()
    assert ears.watch.wait(10) is True
    assert time.monotonic() - began < 5


def test_who_caused_it_is_named(ears):
    """Transactions of nft name their process; of netlink one that still runs can be named."""
    name = struct.pack("=HH", 4 + 8, 3) + b"firewal\0"
    process = struct.pack("=HH", 8, 2) + (4711).to_bytes(4, "big")
    ears.nft.put(OUR_TABLE, nft(15, attributes=process + name))
    own, gone = os.getpid(), 2**22 + 1
    for one in (0, own, gone, os.getppid()):
        ears.route.put(ADDRESS[:12] + struct.pack("=I", one) + ADDRESS[16:])
    assert ears.watch.wait(10)
    parent = Path(f"/proc/{os.getppid()}/comm").read_text(encoding="utf-8").strip()
    assert set(ears.watch.programs) == {"firewal", parent}


def test_a_transaction_of_another_table_names_nobody(ears):
    """Its process did nothing to ours."""
    name = struct.pack("=HH", 4 + 4, 3) + b"nft\0"
    ears.nft.put(nft(0, b"filter"), nft(15, attributes=name))
    ears.route.put(ADDRESS)
    assert ears.watch.wait(10)
    assert ears.watch.programs == ()


def test_sysctls_are_followed_anew_only_when_they_are_others(ears, tmp_path, monkeypatch):
    """A device that comes back has other files under the same names."""
    monkeypatch.setattr(watch, "PROC_SYS", tmp_path)
    (tmp_path / "value").write_text("1")
    ears.watch.follow(("value",), (2,))
    (tmp_path / "value").write_text("0")
    ears.watch.follow(("value",), (2,))
    assert ears.watch.wait(10)
    (tmp_path / "value").unlink()
    (tmp_path / "value").write_text("1")
    ears.watch.follow(("value",), (3,))
    ears.watch.drain()
    (tmp_path / "value").write_text("0")
    assert ears.watch.wait(10)


def test_without_root_it_says_so(monkeypatch):
    """The kernel tells of nft to root only."""
    source = Source()

    def refuse(_level, option, _value):
        if option == 1:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    source.setsockopt = refuse
    monkeypatch.setattr(watch.socket, "socket", source)
    with pytest.raises(HostError, match="Operation not permitted"):
        watch.Watch()
    assert source.closed
    source.end()

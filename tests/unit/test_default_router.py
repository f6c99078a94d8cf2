"""Whose prefixes are the line's: what the default router says when it is asked."""

import socket
import struct
from ipaddress import IPv6Address

import pytest
from rtnetlink import Kernel, link, route

from dualwan.errors import HostError
from dualwan.host import ndp, prefix
from dualwan.host.remote import default_router, line_news
from dualwan.host.remote.deadline import Deadline

ROUTER, SECOND, ROGUE = "fe80::1", "fe80::2", "fe80::bad"
OURS, THEIRS = "2400:4050:1234:5600::/64", "2404:7a80:1:200::/64"


def option(network, preferred=604800, valid=2592000, length=64):
    """Return a prefix information option (RFC 4861 section 4.6.2)."""
    packed = IPv6Address(network.partition("/")[0]).packed
    return struct.pack("!BBBBIII16s", 3, 4, length, 0xC0, valid, preferred, 0, packed)


def advertisement(*options, lifetime=1800):
    """Return a router advertisement."""
    return struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, lifetime, 0, 0) + b"".join(options)


# --- what an advertisement says ---------------------------------------------------------------


def test_the_prefixes_of_an_advertisement_are_those_to_be_used():
    """Not those that it takes back, nor those that say nothing of a line."""
    said = advertisement(
        option(OURS),
        option("2001:db8:1::", preferred=0),
        option("2001:db8:2::", valid=0),
        option("2001:db8:3::", length=128),
        bytes([25, 3]) + bytes(22),
        option("2001:db8:4:ff::", length=56),
    )
    assert default_router.announced(said) == (OURS, "2001:db8:4:ff::/64")


@pytest.mark.parametrize("cut", range(16, 48))
def test_an_advertisement_that_is_cut_off_says_what_is_whole(cut):
    """Whatever comes in, nothing but prefixes comes out."""
    assert default_router.announced(advertisement(option(OURS))[:cut]) == ()


def test_an_option_without_length_ends_the_reading():
    """Or it would be read for ever."""
    assert default_router.announced(advertisement(bytes(8), option(OURS))) == ()


# --- who is the router -------------------------------------------------------------------------


def test_the_router_is_the_next_hop_of_a_default_route_through_the_device():
    """Of the main table; also one of several hops."""
    kernel = Kernel(
        link("wan0", 2),
        route(socket.AF_INET6, oif=2, gateway=ROUTER),
        route(socket.AF_INET6, oif=3, gateway="fe80::3"),
        route(socket.AF_INET6, oif=2, gateway="fe80::4", length=64),
        route(socket.AF_INET6, oif=2, gateway="fe80::5", table=100),
        route(socket.AF_INET6, oif=2),
        route(socket.AF_INET6, oif=2, gateway="2001:db8::1"),  # which nobody advertises
        route(socket.AF_INET6, hops=((2, "fe80::6"), (3, "fe80::7"))),
    )
    assert prefix.default_routers(kernel, "wan0") == {ROUTER, "fe80::6"}
    assert prefix.default_routers(kernel, "gone0") == frozenset()


# --- asking ------------------------------------------------------------------------------------


class Line:
    """A link on which solicitations are answered by a script of (router, advertisement)."""

    def __init__(self, monkeypatch, *answers):
        self.ours, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ours.setblocking(False)
        self.answers, self.asked = list(answers), 0
        monkeypatch.setattr(line_news, "advertisements", lambda _device: self.ours)
        monkeypatch.setattr(line_news, "advertisement", self._read)
        monkeypatch.setattr(ndp, "solicit", self._solicit)
        monkeypatch.setattr(default_router, "SECONDS", 1.5)
        monkeypatch.setattr(default_router, "AGAIN_SECONDS", 0.5)
        monkeypatch.setattr(default_router, "MORE_SECONDS", 0.1)

    def _solicit(self, _device):
        self.asked += 1
        for router, data in self.answers.pop(0) if self.answers else ():
            self.far.send(router.encode().ljust(40) + data)

    @staticmethod
    def _read(listener):
        data = listener.recv(4096)
        return data[40:], data[:40].decode().strip()


def test_what_the_default_router_announces_counts_alone(monkeypatch):
    """A rogue one answers too, and first, with a prefix that lives for ever."""
    line = Line(
        monkeypatch,
        [
            (ROGUE, advertisement(option(THEIRS, 0xFFFFFFFF, 0xFFFFFFFF), lifetime=9000)),
            (ROUTER, advertisement(option(OURS))),
            (ROUTER, advertisement(option("2001:db8:9::"))),
        ],
    )
    assert default_router.prefixes("wan0", {ROUTER}) == (OURS, "2001:db8:9::/64")
    assert line.asked == 1


def test_the_router_is_asked_again_and_not_for_ever(monkeypatch):
    """Its first answer is lost, or it says that it is no router any more."""
    line = Line(monkeypatch, [], [(ROUTER, advertisement(option(OURS), lifetime=0))])
    assert default_router.prefixes("wan0", {ROUTER}) == ()
    assert line.asked == 3
    line = Line(monkeypatch, [], [(ROUTER, advertisement(option(OURS)))])
    assert default_router.prefixes("wan0", {ROUTER}) == (OURS,)
    assert line.asked == 2


def test_a_flood_of_others_does_not_hold_it_up(monkeypatch):
    """The time is over when it is over."""
    flood = [(ROGUE, advertisement(option(THEIRS)))] * 20
    Line(monkeypatch, flood, flood, flood)
    began = Deadline(5)
    assert default_router.prefixes("wan0", {ROUTER}) == ()
    assert began.left() > 3


def test_each_router_is_heard_by_itself(monkeypatch):
    """What one says in two advertisements is one answer; that of others is none."""
    line = Line(
        monkeypatch,
        [
            (ROGUE, advertisement(option(THEIRS))),
            (ROUTER, advertisement(option(OURS))),
            (ROUTER, advertisement(option("2001:db8:9::"), option(OURS))),
        ],
        [(SECOND, advertisement())],
    )
    said = default_router.announcements("wan0", {ROUTER, SECOND})
    assert said == {ROUTER: (OURS, "2001:db8:9::/64"), SECOND: ()}
    assert line.asked == 2


def test_a_router_that_is_silent_is_left_out(monkeypatch):
    """It is asked again and again, until the time is over; one that is none says nothing."""
    no_router = advertisement(option(OURS), lifetime=0)
    line = Line(monkeypatch, [(ROUTER, advertisement(option(OURS))), (SECOND, no_router)])
    assert default_router.announcements("wan0", {ROUTER, SECOND}) == {ROUTER: (OURS,)}
    assert line.asked == 3


@pytest.mark.parametrize("asking", ["prefixes", "announcements"])
def test_without_root_it_cannot_be_asked(monkeypatch, asking):
    """The reason is in the error, with the device."""
    refused = PermissionError(1, "Operation not permitted")

    def refuse(_device):
        raise refused

    monkeypatch.setattr(line_news, "advertisements", refuse)
    with pytest.raises(HostError, match="asking the router on wan0: Operation not permitted"):
        getattr(default_router, asking)("wan0", {ROUTER})


def test_three_lost_solicitations_keep_no_router_from_being_asked():
    """A fourth one goes out before the question is over."""
    assert default_router.SECONDS >= 4 * default_router.AGAIN_SECONDS

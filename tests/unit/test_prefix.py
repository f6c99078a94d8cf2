"""Which prefixes a device has, and how one is waited for."""

import errno
import time
from socket import AF_INET6

import pytest
from listening import Listening, Udev
from rtnetlink import (
    DEPRECATED,
    FOREVER,
    PERMANENT,
    TEMPORARY,
    TENTATIVE,
    Kernel,
    address,
    link,
    route,
)

from dualwan.host import prefix
from dualwan.host.rtnl import RTMGRP_IPV6_IFADDR

WAN = link("wan0", 2)
LINE = address("2001:db8:0:100::5", 2, 64, flags=0)


def prefixes(*messages):
    """Return the prefixes of wan0 (2) that follow from ``messages``."""
    return prefix.prefixes(Kernel(WAN, *messages), "wan0")


# --- which addresses count ---------------------------------------------------------------


def test_a_prefix_is_the_network_of_a_global_address():
    """Of that device only; one that is not there has none."""
    assert prefixes(LINE, address("2001:db8:9::1", 3, 64)) == ("2001:db8:0:100::/64",)
    assert prefixes() == ()
    assert prefix.prefixes(Kernel(address("2001:db8::1", 2, 64)), "wan0") == ()


@pytest.mark.parametrize(
    ("text", "length", "words"),
    [
        pytest.param("fe80::1", 64, {"scope": 253}, id="link-local"),
        pytest.param("2001:db8::1", 64, {"scope": 200}, id="site scope"),
        pytest.param("fc00::1", 64, {}, id="first unique local"),
        pytest.param("fdff:ffff::1", 64, {}, id="last unique local"),
        pytest.param("2001:db8::1", 128, {}, id="a host address, as the CE's"),
        pytest.param("2001:db8::1", 64, {"flags": TEMPORARY}, id="temporary"),
        pytest.param("2001:db8::1", 64, {"flags": DEPRECATED}, id="taken back by the line"),
        pytest.param("2001:db8::1", 64, {"flags": DEPRECATED, "wide": False}, id="old kernel"),
        pytest.param("2001:db8::1", 64, {"flags": 0x300 | DEPRECATED, "preferred": 0}, id="by RA"),
    ],
)
def test_what_tells_nothing_of_the_line_is_no_prefix(text, length, words):
    """Not global, not to stay, or taken back; beside it the line's own counts."""
    assert prefixes(address(text, 2, length, **words)) == ()
    assert prefixes(address(text, 2, length, **words), LINE) == ("2001:db8:0:100::/64",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2001:db8:7::1", {"flags": PERMANENT}),
        ("2001:db8:7::1", {"flags": TENTATIVE}),
        ("2001:db8:7::1", {"flags": 0x100}),
        ("2001:db8:7::1", {"flags": 0x200}),
        ("fbff::1", {}),
        ("fe00::1", {}),
    ],
)
def test_other_flags_and_neighbours_of_unique_local_do_not_matter(text, words):
    """An address by hand, one that is still being checked, and one outside fc00::/7 count."""
    assert len(prefixes(address(text, 2, 64, **words))) == 1


@pytest.mark.parametrize(
    ("length", "found"),
    [
        (48, "2001:db8:0:ff00::/64"),
        (56, "2001:db8:0:ff00::/64"),
        (64, "2001:db8:0:ff00::/64"),
        (65, "2001:db8:0:ff00::/65"),
        (127, "2001:db8:0:ff00::4/127"),
    ],
)
def test_a_shorter_length_is_taken_for_the_lines_64(length, found):
    """An address with /56 says which /64 it is in; a longer one is told as it is."""
    assert prefixes(address("2001:db8:0:ff00::5", 2, length)) == (found,)


# --- which goes first --------------------------------------------------------------------


def test_the_prefix_preferred_longest_goes_first():
    """After a renumbering the old one may be there for a while; equals go by name."""
    assert prefixes(
        address("2001:db8:0:3::1", 2, 64, preferred=100),
        address("2001:db8:0:2::1", 2, 64, preferred=FOREVER),
        address("2001:db8:0:1::1", 2, 64, preferred=100),
        address("2001:db8:0:4::1", 2, 64, preferred=14400),
    ) == ("2001:db8:0:2::/64", "2001:db8:0:4::/64", "2001:db8:0:1::/64", "2001:db8:0:3::/64")


def test_of_several_addresses_in_a_prefix_the_longest_counts():
    """Whichever of them comes first."""
    one, other = (
        address(f"2001:db8:0:2::{at}", 2, 64, preferred=seconds)
        for at, seconds in ((1, 10), (2, 1000))
    )
    rival = address("2001:db8:0:1::1", 2, 64, preferred=100)
    for messages in ((one, other, rival), (other, rival, one)):
        assert prefixes(*messages) == ("2001:db8:0:2::/64", "2001:db8:0:1::/64")


# --- the default route -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "there"),
    [
        ({"oif": 2, "protocol": 9}, True),
        ({"oif": 2, "protocol": 4}, True),
        ({"protocol": 9, "hops": ((2, "fe80::1"), (2, "fe80::2"))}, True),
        ({"protocol": 9, "hops": ((3, "fe80::1"), (2, "fe80::2"))}, True),
        ({"protocol": 9, "hops": ((3, "fe80::1"), (4, "fe80::2"))}, False),
        ({"oif": 3}, False),
        ({"oif": 2, "length": 64}, False),
        ({"oif": 2, "table": 100}, False),
        ({"oif": 2, "table": 255}, False),
        ({"oif": 2, "table": 70000}, False),
    ],
)
def test_a_default_route_is_one_of_the_main_table_through_the_device(words, there):
    """Whoever made it, also one by two routers; of another device, table or length it is none."""
    assert prefix.has_default(Kernel(route(AF_INET6, **words)), 2) is there


def test_a_default_route_of_ipv4_is_none():
    """The question is about IPv6."""
    assert not prefix.has_default(Kernel(route(oif=2)), 2)


# --- waiting -----------------------------------------------------------------------------


@pytest.fixture(name="waiting")
def _waiting(monkeypatch):
    """Return a function that waits for a prefix of wan0 on a machine with these news."""
    machines = []

    def wait(*messages, bursts=lambda _: (), seconds=0.05):
        kernel = Listening(*messages)
        machines.append(kernel)
        kernel.bursts = list(bursts(kernel))
        monkeypatch.setattr(prefix, "IPRoute", lambda: kernel)
        return prefix.await_prefix("wan0", seconds), kernel

    yield wait
    for kernel in machines:
        assert kernel.open == 0
        kernel.close_all()


def test_a_prefix_that_is_there_is_not_waited_for(waiting):
    """Nothing is read; the socket listens all the same, so that none could be missed."""
    there, kernel = waiting(WAN, LINE, seconds=60)
    assert there
    assert kernel.groups == RTMGRP_IPV6_IFADDR


def test_only_a_prefix_ends_the_wait(waiting):
    """An address that says nothing of the line wakes, and is not enough."""
    there, kernel = waiting(
        WAN,
        seconds=60,
        bursts=lambda kernel: [
            [kernel.add(address("fe80::1", 2, 64, scope=253))],
            [kernel.add(address("fd00::1", 2, 64))],
            [kernel.add(LINE)],
            [kernel.drop(LINE)],
        ],
    )
    assert there
    assert kernel.happened == 3 + 1  # the last was announced, and not read
    assert LINE in kernel.messages


def test_news_that_the_kernel_had_no_room_for_do_not_end_the_wait(waiting):
    """After ENOBUFS the prefix is looked for as after any message."""

    def overrun(kernel):
        kernel.messages.append(LINE)
        raise OSError(errno.ENOBUFS, "No buffer space available")

    assert waiting(WAN, seconds=60, bursts=lambda kernel: [[lambda: overrun(kernel)]])[0]


def test_the_wait_ends_after_its_time(waiting):
    """Also where other news keeps coming."""
    assert waiting(WAN)[0] is False
    assert waiting(WAN, seconds=0.0, bursts=lambda kernel: [[kernel.add(LINE)]])[0] is False


def test_a_device_that_is_not_there_is_waited_for_first(waiting, monkeypatch):
    """By udev, within the same time; without it there is nothing to wait for."""
    seen = []
    monkeypatch.setattr(
        prefix, "await_device", lambda name, until: seen.append((name, until)) or False
    )
    began = time.monotonic()
    assert waiting(LINE, seconds=7)[0] is False
    [(name, until)] = seen
    assert name == "wan0"
    assert 7 <= until - began < 8
    monkeypatch.setattr(prefix, "await_device", lambda *_: True)
    assert waiting(LINE, seconds=60, bursts=lambda kernel: [[kernel.add(WAN)]])[0] is True


@pytest.fixture(name="udev")
def _udev(monkeypatch):
    """Return a function that makes the udev of this machine."""
    made = []

    def make(*present, arrivals=()):
        made.append(Udev(*present, arrivals=arrivals).use(monkeypatch))
        return made[-1]

    yield make
    for one in made:
        one.close_all()


def test_udev_tells_when_the_device_is_there(udev):
    """Of its own subsystem, with the rest of the time each time; others are not it."""
    one = udev("lo", arrivals=["lan0", "wan0", "eth9"])
    until = time.monotonic() + 60
    assert prefix.await_device("wan0", until)
    assert one.filtered == ["net"]
    assert one.arrivals == ["eth9"]
    assert len(one.timeouts) == 2
    assert all(59 < left <= 60 for left in one.timeouts)


def test_a_device_that_is_there_by_now_is_not_waited_for(udev):
    """It came between the look and the beginning of listening."""
    one = udev("lo", "wan0")
    assert prefix.await_device("wan0", time.monotonic())
    assert one.timeouts == []


def test_a_device_that_does_not_come_is_given_up(udev):
    """When udev is silent to the end, and when the time is over while others come."""
    silent = udev("lo")
    assert not prefix.await_device("wan0", time.monotonic() + 60)
    assert len(silent.timeouts) == 1
    late = udev("lo", arrivals=["lan0", "wan0"])
    assert not prefix.await_device("wan0", time.monotonic() - 1)
    assert late.timeouts == []

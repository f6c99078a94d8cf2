"""What wakes the watcher of the line, and what does not."""

import errno

import pytest
from listening import Listening, Udev
from rtnetlink import DEPRECATED, address, link, route

from dualwan.host import watch
from dualwan.host.rtnl import RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE, RTMGRP_LINK

WAN, DOWN, ANEW = link("wan0", 2), link("wan0", 2, up=False), link("wan0", 9)
LAST = link("wan0", 99)
LINE, OTHER = address("2001:db8:0:100::5", 2, 64), address("2001:db8:0:200::5", 2, 64)
TAKEN_BACK = address("2001:db8:0:100::5", 2, 64, flags=DEPRECATED, preferred=0)
DEFAULT = route(10, oif=2, protocol=9)


@pytest.fixture(name="watching")
def _watching(monkeypatch):
    """Return a function that watches wan0 on a machine; it returns the watcher and the machine."""
    made = []

    def start(*messages):
        kernel, udev = Listening(*messages), Udev().use(monkeypatch)
        made.extend((kernel, udev))
        monkeypatch.setattr(watch, "IPRoute", lambda: kernel)
        monkeypatch.setattr(watch, "SETTLED_MS", 1)
        kernel.udev, kernel.endless = udev, True
        return watch.changes("wan0"), kernel

    yield start
    for one in made:
        one.close_all()


def sentinel(kernel):
    """Return a burst that wakes for certain: the device is another one of the same name."""
    return [kernel.messages.clear, kernel.add(LAST)]


CHANGES = {
    "another prefix": (lambda kernel: [kernel.drop(LINE), kernel.add(OTHER)], True),
    "one more prefix": (lambda kernel: [kernel.add(OTHER)], True),
    "no prefix any more": (lambda kernel: [kernel.drop(LINE)], True),
    "a prefix taken back": (lambda kernel: [kernel.drop(LINE), kernel.add(TAKEN_BACK)], True),
    "no default route": (lambda kernel: [kernel.drop(DEFAULT)], True),
    "down": (lambda kernel: [kernel.drop(WAN), kernel.add(DOWN)], True),
    "gone": (lambda kernel: [kernel.drop(WAN)], True),
    "another device of that name": (lambda kernel: [kernel.drop(WAN), kernel.add(ANEW)], True),
    "one more address of the prefix": (
        lambda kernel: [kernel.add(address("2001:db8:0:100::7", 2, 64))],
        False,
    ),
    "a lifetime": (
        lambda kernel: [
            kernel.drop(LINE),
            kernel.add(address("2001:db8:0:100::5", 2, 64, preferred=100)),
        ],
        False,
    ),
    "our own CE address": (
        lambda kernel: [kernel.add(address("2001:db8:0:100:99::", 2, 128))],
        False,
    ),
    "a unique local address": (lambda kernel: [kernel.add(address("fd00::1", 2, 64))], False),
    "another device": (lambda kernel: [kernel.add(link("lan0", 3), route(10, oif=3))], False),
    "there and back": (lambda kernel: [kernel.drop(LINE), kernel.add(LINE)], False),
    "down and up": (
        lambda kernel: [kernel.drop(WAN), kernel.add(DOWN), kernel.drop(DOWN), kernel.add(WAN)],
        False,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_wakes(watching, name):
    """The device, whether it is up, its prefixes and its default route; nothing else.

    What comes in several messages is one change, whatever was between its ends.
    """
    burst, wakes = CHANGES[name]
    changes, kernel = watching(WAN, LINE, DEFAULT)
    kernel.bursts = [burst(kernel), sentinel(kernel)]
    next(changes)  # how it was found
    next(changes)
    assert (LAST in kernel.messages) is not wakes


def test_a_default_route_that_comes_wakes(watching):
    """MAP-E works from then on, not before."""
    changes, kernel = watching(WAN, LINE)
    kernel.bursts = [[kernel.add(DEFAULT)], sentinel(kernel)]
    next(changes)
    next(changes)
    assert LAST not in kernel.messages


def test_a_device_that_is_not_there_is_no_change(watching):
    """The first thing that is told is that it has come."""
    changes, kernel = watching(link("lan0", 3))
    kernel.bursts = [[kernel.add(link("lan1", 4))], [kernel.add(DOWN)], sentinel(kernel)]
    next(changes)
    assert DOWN in kernel.messages
    next(changes)
    assert LAST in kernel.messages


def test_udev_wakes_too(watching):
    """A device that has its name by then is found, although netlink says nothing more."""
    changes, kernel = watching(link("lan0", 3))
    lookup = kernel.link_lookup

    def renamed(**_):
        kernel.link_lookup = lookup
        kernel.udev.ring()
        kernel.messages.append(WAN)
        return []  # not yet

    kernel.link_lookup = renamed
    next(changes)
    assert kernel.udev.present == ["eth9"]  # which it was called before
    assert kernel.udev.filtered == ["net"]
    assert kernel.udev.started


def test_what_changes_while_a_run_mends_is_seen_before_the_next_wait(watching):
    """Nobody need tell: after each run the watcher looks again."""
    changes, kernel = watching(WAN, LINE)
    next(changes)
    kernel.messages.append(OTHER)  # without any news
    next(changes)
    assert kernel.happened == 0


def test_it_listens_for_links_addresses_and_routes(watching):
    """From before the first look on; the sockets are closed with the watcher."""
    changes, kernel = watching(WAN)
    next(changes)
    assert kernel.groups == RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE
    assert kernel.open == 2
    changes.close()
    assert kernel.open == 0


def test_a_device_that_goes_while_it_is_looked_at_is_gone(watching):
    """Between the look for its name and the one at the rest: the watcher goes on."""
    changes, kernel = watching(WAN, LINE)
    kernel.bursts = [sentinel(kernel)]
    lookup = kernel.link_lookup

    def unplugged(**words):
        kernel.link_lookup = lookup
        found = lookup(**words)
        kernel.messages.clear()
        return found

    kernel.link_lookup = unplugged
    next(changes)
    assert LAST in kernel.messages


def test_news_that_the_kernel_had_no_room_for_wakes_as_well(watching):
    """A burst that is longer than the socket's buffer (ENOBUFS) is a change like any other."""
    changes, kernel = watching(WAN, LINE)

    def overrun():
        kernel.messages.clear()
        kernel.messages.append(LAST)
        raise OSError(errno.ENOBUFS, "No buffer space available")

    kernel.bursts = [[overrun]]
    next(changes)
    next(changes)
    assert LAST in kernel.messages

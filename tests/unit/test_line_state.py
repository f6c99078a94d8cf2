"""What counts as a change of the line."""

import pytest
from rtnetlink import DEPRECATED, Kernel, address, link, route

from dualwan.host.prefix import line_state

WAN, DOWN, ANEW = link("wan0", 2), link("wan0", 2, up=False), link("wan0", 9)
LINE, OTHER = address("2001:db8:0:100::5", 2, 64), address("2001:db8:0:200::5", 2, 64)
TAKEN_BACK = address("2001:db8:0:100::5", 2, 64, flags=DEPRECATED, preferred=0)
DEFAULT = route(10, oif=2, protocol=9)
ANOTHER_ROUTER = route(10, oif=2, protocol=9, gateway="fe80::2")


class Changing(Kernel):
    """A kernel whose messages come and go."""

    def add(self, *messages):
        """Return a function that puts ``messages`` there."""
        return lambda: self.messages.extend(messages)

    def drop(self, *messages):
        """Return a function that takes ``messages`` away."""
        return lambda: [self.messages.remove(one) for one in messages]


CHANGES = {
    "another prefix": (lambda kernel: [kernel.drop(LINE), kernel.add(OTHER)], True),
    "one more prefix": (lambda kernel: [kernel.add(OTHER)], True),
    "no prefix any more": (lambda kernel: [kernel.drop(LINE)], True),
    "another router": (lambda kernel: [kernel.add(ANOTHER_ROUTER)], True),
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
def test_what_changes_the_line(name):
    """The device, whether it is up, its prefixes and its default route; nothing else.

    What comes in several messages is one change, whatever was between its ends.
    """
    burst, changes = CHANGES[name]
    kernel = Changing(WAN, LINE, DEFAULT)
    before = line_state(kernel, "wan0")
    for step in burst(kernel):
        step()
    assert (line_state(kernel, "wan0") != before) is changes


def test_a_default_route_that_comes_changes_the_line():
    """MAP-E works from then on, not before."""
    before = line_state(Kernel(WAN, LINE), "wan0")
    assert line_state(Kernel(WAN, LINE, DEFAULT), "wan0") != before


def test_a_device_that_is_not_there_has_no_line():
    """Whatever else is there; one that is down has one."""
    assert line_state(Kernel(link("lan0", 3)), "wan0") is None
    assert line_state(Kernel(link("lan0", 3), link("lan1", 4)), "wan0") is None
    assert line_state(Kernel(DOWN), "wan0") is not None


def test_a_device_that_goes_while_it_is_looked_at_is_gone():
    """Between the look for its name and the one at the rest."""
    kernel = Kernel(WAN, LINE)
    lookup = kernel.link_lookup

    def unplugged(**words):
        found = lookup(**words)
        kernel.messages.clear()
        return found

    kernel.link_lookup = unplugged
    assert line_state(kernel, "wan0") is None

"""What the tests hear the line with."""

import socket
from contextlib import suppress

import pytest
from space import Namespace

STRAY = ("127.0.0.1", 9)  # the discard port, where nobody listens


def _heard(tap):
    """Yield the frames that TAP has heard."""
    with suppress(BlockingIOError):
        while True:
            yield tap.recv(2048)


@pytest.fixture(name="space")
def _space():
    """Return a namespace where something is sent by lo right after each socket is made."""
    space = Namespace("ear")
    space.ip("link add quiet type veth\nlink set quiet up\n")
    stray, call = space.open_socket(socket.AF_INET, socket.SOCK_DGRAM), space.call

    def made(function, *arguments):
        """Make it, and send."""
        result = call(function, *arguments)
        stray.sendto(b"stray", STRAY)
        return result

    space.call = made
    yield space
    space.close()


def test_a_sniffer_hears_its_own_device(space):
    """What passes lo is seen there."""
    sniffer = space.sniff("lo")
    space.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert sniffer.sources() == {STRAY[0]}


def test_a_sniffer_hears_no_other_device(space):
    """Not even between its making and its binding."""
    assert space.sniff("quiet").sources() == set()


def test_a_socket_for_frames_hears_its_own_device_alone(space):
    """As a sniffer."""
    own = space.packet_socket("lo")
    space.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert any(b"stray" in frame for frame in _heard(own))
    assert not any(b"stray" in frame for frame in _heard(space.packet_socket("quiet")))

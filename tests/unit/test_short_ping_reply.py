"""A packet without content is no answer to a ping, and ends nothing."""

import socket
import time

from dualwan.host import ping

TOKEN = b"a token!"


def test_an_empty_packet_is_passed_over():
    """The answer that comes after it counts."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        far.send(b"")
        far.send(bytes([0x45]) + bytes(19) + bytes(4) + TOKEN)
        assert ping._answered(near, TOKEN, time.monotonic() + 5)  # noqa: SLF001 - a socket of ours

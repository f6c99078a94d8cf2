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
        far.send(bytes([0x45]) + bytes(11) + bytes([192, 0, 2, 1]) + bytes(8) + TOKEN)
        until = time.monotonic() + 5
        heard = ping._heard(near, TOKEN, wanted=True, until=until)  # noqa: SLF001 - a socket of ours
        assert heard == ("192.0.2.1", "")

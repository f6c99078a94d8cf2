"""A socket to a kernel that answers requests of rtnetlink, and what pyroute2 reads of a request."""

import errno
import socket
import struct

from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from dualwan.host import rtnl
from dualwan.host.rtnl import IPRoute

READERS = {16: ifinfmsg, 20: ifaddrmsg, 24: rtmsg, 32: fibmsg}
DONE, FINE = (3, bytes(4)), (2, bytes(20))  # the end of a list, and a confirmation


def refusal(code):
    """Return an error by its number."""
    return (2, struct.pack("=i", -code) + bytes(16))


class Kernel:
    """A netlink socket; ``answers``: what each recv() has, pairs of a type and a body.

    A third member is the flags of a message, a fourth how far its sequence number is off.
    """

    def __init__(self, *answers):
        self.answers, self.sent, self.closed, self.groups = list(answers), [], False, None

    def __call__(self, *kind):
        """Open one, as socket.socket does."""
        assert kind == (socket.AF_NETLINK, socket.SOCK_RAW, 0)
        return self

    def settimeout(self, seconds):
        """Take the limit of a wait."""
        assert 0 < seconds < 60

    def setsockopt(self, *option):
        """Refuse to filter, as an old kernel."""
        assert option == (270, 12, 1)
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    def bind(self, address):
        """Take the groups that are listened to."""
        self.groups = address

    def fileno(self):
        """Return a number."""
        return 77

    def send(self, data):
        """Take a request."""
        self.sent.append(bytes(data))

    def recv(self, _size):
        """Return the next answer."""
        return b"".join(self._message(*one) for one in self.answers.pop(0))

    def _message(self, kind, body, flags=2, off=0):
        sequence = struct.unpack_from("=I", self.sent[-1], 8)[0] if self.sent else 0
        head = struct.pack("=IHHII", 16 + len(body), kind, flags, sequence + off, 0)
        return head + body + bytes(-len(body) % 4)

    def close(self):
        """Note that it is closed."""
        self.closed = True


def opener(monkeypatch):
    """Return a function that opens a socket to a kernel with these answers."""

    def ask(*answers):
        kernel = Kernel(*answers)
        monkeypatch.setattr(rtnl.socket, "socket", kernel)
        return IPRoute(), kernel

    return ask


def read(request):
    """Return what pyroute2 makes of a request, with type and flags."""
    length, kind, flags = struct.unpack_from("=IHH", request)
    assert length == len(request)
    made = READERS[kind // 4 * 4](request)
    made.decode()
    return kind, flags, made

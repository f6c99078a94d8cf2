"""A wire for echoes: what is sent by it, and what it answers."""

TOKEN = b"a token!"


def checksum(data):
    """Return the sum of RFC 1071 over DATA: 0xffff where its own checksum is right."""
    total = sum(data[at] << 8 | data[at + 1] for at in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def answer(token, kind=0, options=0):
    """Return the packet of an echo reply: an IPv4 header, with so many words of options."""
    return bytes([0x45 + options]) + b"\0" * (19 + 4 * options) + bytes([kind, 0, 0, 0]) + token


class Wire:
    """A raw socket: what comes by it, and what was sent."""

    def __init__(self, *inbox, refuse=()):
        self.inbox, self.refuse, self.sent, self.options = list(inbox), refuse, [], []

    def __call__(self, *_kind):
        """Open one, as socket.socket does."""
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def setsockopt(self, *option):
        """Note it."""
        self.options.append(option)

    def setblocking(self, _flag):
        """See socket."""

    def sendto(self, packet, address):
        """Send, unless the target is one to refuse."""
        if address[0] in self.refuse:
            raise PermissionError(1, "Operation not permitted")
        self.sent.append((packet, address))

    def recv(self, _size):
        """Return the next packet."""
        return self.inbox.pop(0)

    def register(self, *_):
        """Be polled."""

    def poll(self, _milliseconds):
        """Say whether there is another packet."""
        return bool(self.inbox)

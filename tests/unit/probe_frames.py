"""Probes, and an ICMPv6 packet of the line, as frames."""

import struct
from ipaddress import IPv6Address

from dualwan.model.evidence import Probe

TOKEN, OURS = b"tokentok", "192.0.2.18"
PROBE = Probe(7, OURS, 1040, 100)
ECHO = Probe(9, "192.0.0.1", 1024, 100, hops=1, echo=True)


def icmpv6(source, body):
    """Return an IPv6 packet with the ICMPv6 message ``body``."""
    head = struct.pack("!IHBB", 6 << 28, len(body), 58, 255)
    return head + IPv6Address(source).packed + bytes(16) + body

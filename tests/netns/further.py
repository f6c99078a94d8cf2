"""Further ways: a veth stands in for one, and two ends talk by it."""

import socket

from line import SERVERS, SHUT

FIXED = "192.0.2.30"
WITH_FIXED = """
[way.fixed]
type = "ipip"
br = "2001:db8:ffff::1"
ce = "2001:db8:0:100::feed"
ipv4 = "192.0.2.30"
"""


def add_way(line, device, address):
    """Let the router have another way to the internet: a veth stands in for it."""
    far = f"far-{device}"
    line.router.run(
        *("ip", "link", "add", device, "type", "veth"),
        *("peer", "name", far, "netns", line.internet.name),
    )
    line.router.ip(f"link set {device} up\naddress add {address}/32 dev {device}")
    line.internet.ip(f"link set {far} up\nroute add {address}/32 dev {far}")
    return far


def asked(line, address, port):
    """Return a connection from outside to ADDRESS."""
    client = line.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=SHUT)
    client.bind((SERVERS[0], 0))
    client.connect((address, port))
    return client


def says(one, other, text=b"still here"):
    """Whether what ONE sends comes to OTHER."""
    one.sendall(text)
    return other.recv(64) == text

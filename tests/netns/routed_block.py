"""A line with addresses that are routed to a way: as they are, and one to one.

The block is behind the LAN, whose host has .130; .131 is the host's without public address.
"""

import socket
from typing import NamedTuple

from further import FIXED, WITH_FIXED, add_way
from line import CLIENT, CONFIG, PPPOE, SERVERS, SHUT, Line
from scenes import NEIGHBOUR

ON_LAN, HOST, OUTER = (f"203.0.113.{number}" for number in (129, 130, 131))
BLOCK = "203.0.113.128/29"
ROUTED = f"""
addresses = ["{BLOCK}"]
one-to-one = {{ "{OUTER}" = "{CLIENT}" }}
open = [
    {{ service = "tcp/81", to = ["{HOST}", "{OUTER}"] }},
    {{ service = "tcp/82", from = ["{SERVERS[0]}/32"] }},
    "ping",
]
"""
BY_PPPOE = CONFIG + ROUTED
BY_FIXED = CONFIG + WITH_FIXED + ROUTED
WAYS = {"pppoe": (BY_PPPOE, PPPOE), "fixed": (BY_FIXED, FIXED)}


class Block(NamedTuple):
    """A line whose LAN has a block; far: where its way leads; own: the way's own address."""

    line: Line
    far: str
    own: str


def with_block(line, way="pppoe"):
    """Give LINE the block of WAY, behind its LAN, and apply its configuration."""
    own, far = WAYS[way][1], "ppp"
    if way == "fixed":
        far = add_way(line, "fixed0", FIXED)
        line.router.ip("route add default dev fixed0 table 102")
    line.router.ip(f"address add {ON_LAN}/29 dev lan0")
    line.lan.ip(f"""
        address add {HOST}/32 dev eth0
        address add {NEIGHBOUR}/24 dev eth0
    """)
    line.internet.ip(f"route add {BLOCK} via {own} dev {far} onlink")
    line.apply()
    return Block(line, far, own)


def shut(line, address, port, source=SERVERS[1]):
    """Return whether nothing answers a connection from outside."""
    client = line.internet.open_socket(socket.AF_INET, socket.SOCK_STREAM, timeout=SHUT)
    client.bind((source, 0))
    try:
        client.connect((address, port))
    except TimeoutError:
        return True
    return False

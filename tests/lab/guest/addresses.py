"""The names and numbers of the simulated line. All of them live inside the guest only."""

from __future__ import annotations

WAN = "wan0"
LAN = "lan0"
PPP = "ppp0"
TUNNEL = "mape0"

LAN_ADDRESS = "192.168.10.1"
CLIENT_ADDRESS = "192.168.10.30"
# Further computers at home: other addresses of the same client.
NEIGHBOUR = "192.168.10.32"
CONSOLE = "192.168.10.31"
PPPOE_HOST = "192.168.10.33"
LAN_PREFIX_LENGTH = 24

# What the line announces, and what OCN's rule makes of it (draft layout).
WAN_PREFIX = "2400:4050:5c71:af00::"
# The same address with the next PSID.
OTHER_WAN_PREFIX = "2400:4050:5c71:b000::"
OTHER_CE = "2400:4050:5c71:b000:99:f171:c600:3000"
CE = "2400:4050:5c71:af00:99:f171:c600:2f00"
BR = "2001:380:a120::9"
MAPE_ADDRESS = "153.241.113.198"
PSID = 47
PSID_OFFSET = 6
PSID_LENGTH = 6


def port_blocks(psid: int, offset: int, length: int) -> tuple[range, ...]:
    """The ports of a PSID (RFC 7597 section 5.1)."""
    size = 1 << (16 - offset - length)
    starts = ((i << (16 - offset)) + psid * size for i in range(1, 1 << offset))
    return tuple(range(start, start + size) for start in starts)


PORT_BLOCKS = port_blocks(PSID, PSID_OFFSET, PSID_LENGTH)
BLOCK_SIZE = len(PORT_BLOCKS[0])
OTHER_PORT_BLOCKS = tuple(
    range(block.start + BLOCK_SIZE, block.stop + BLOCK_SIZE) for block in PORT_BLOCKS
)
PORT_SET = frozenset(port for block in PORT_BLOCKS for port in block)
OTHER_PORT_SET = frozenset(port for block in OTHER_PORT_BLOCKS for port in block)

# Another softwire of the same line: a fixed address by IPIP, from another relay.
OTHER_BR = "2001:380:a120::a"
FIXED_ADDRESS = "203.0.113.200"
FIXED_ID = "::feed"
FIXED_CE = "2400:4050:5c71:af00::feed"

PPPOE_PEER = "dsl-provider"
PPPOE_GATEWAY = "203.0.113.1"
FIRST_PPPOE_ADDRESS = "203.0.113.10"
SECOND_PPPOE_ADDRESS = "203.0.113.77"

INTERNET_HOST = "198.51.100.1"
INTERNET_HOSTS = tuple(f"198.51.100.{n}" for n in range(1, 17))
# The internet host receives packets for it and never answers.
SINK, OTHER_SINK = "198.51.100.200", "198.51.100.201"
SINK_NETWORK = "198.51.100.128/25"
INTERNET_HOST_V6 = "2001:db8:1::1"
# Tells a caller its own address, by TCP and by UDP.
ECHO_PORT = 7
UDP_PORTS = tuple(range(7000, 7008))
DOWNLOAD_PORT = 8080

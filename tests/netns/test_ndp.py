"""Neighbour discovery of ours, as it is on the wire."""

import socket
from contextlib import closing

import pytest
from space import Namespace, until

from dualwan.host import ndp

CE = "2001:db8:12:3400::1"
SOLICITED = bytes.fromhex("3333ff000001")


@pytest.mark.parametrize("waits", [False, True], ids=["just up", "with its addresses"])
def test_who_has_the_ce_is_asked_from_no_address(waits):
    """Also by a WAN whose own address is not certain yet, as after the cable was out."""
    with closing(Namespace("asks")) as space:
        space.run("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "far0")
        space.run("ip", "link", "set", "far0", "up")
        wire = space.open_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
        wire.bind(("far0", 0x86DD))
        wire.settimeout(10)
        space.run("ip", "link", "set", "wan0", "up")
        # The kernel has heard of the carrier, and gives the device its routes.
        multicast = (
            "ip",
            "-6",
            "route",
            "show",
            "table",
            "local",
            "dev",
            "wan0",
            "type",
            "multicast",
        )
        assert until(lambda: "ff00::/8" in space.run(*multicast))
        while waits and "tentative" in space.run("ip", "-6", "address", "show", "dev", "wan0"):
            wire.recv(2048)  # a message of each address that becomes certain
        space.call(ndp.ask_owner, "wan0", CE)
        while (packet := wire.recv(2048))[:6] != SOLICITED:
            pass
        head, message = packet[14:54], packet[54:]
        assert head[6:8] == bytes([socket.IPPROTO_ICMPV6, 255])
        assert head[8:24] == bytes(16)
        assert message[0] == 135
        assert message[8:24] == socket.inet_pton(socket.AF_INET6, CE)

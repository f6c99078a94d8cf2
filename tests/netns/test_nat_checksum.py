"""UDP without a checksum (RFC 768): a router leaves it so."""

import struct

import pytest
from flows import HOSTS, TARGET, elsewhere, ipv4, udp
from natlab import V6PLUS
from packets import checksum


def unsummed(source, sport, target, dport, payload=b"x" * 18):
    """Return a UDP datagram without a checksum."""
    return ipv4(
        17, source, target, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    )


def is_right(packet):
    """Whether the receiver of a UDP PACKET takes it: its checksum is right, or there is none."""
    body = packet[20:]
    if body[6:8] == b"\0\0":
        return True
    pseudo = packet[12:20] + struct.pack("!BBH", 0, 17, len(body))
    return checksum(pseudo + body) == 0


@pytest.mark.parametrize("make", [udp, unsummed])
def test_the_first_datagram_of_a_flow_is_taken_by_its_receiver(rules, make):
    """Small machines ask so; IPsec and tunnels by UDP send so (RFC 3948, RFC 7348)."""
    line = rules()
    packets = [make(HOSTS[0], 5000 + at, elsewhere(at), 53) for at in range(20)]
    seen = line.passed(packets)
    assert len(seen) == 20
    assert [is_right(one.data) for one in seen] == [True] * 20
    again = line.passed(packets)
    assert [is_right(one.data) for one in again] == [True] * 20


def test_also_where_ports_are_few(rules):
    """300 flows to one destination, by 240 ports: each that finds one is right."""
    line = rules(shape=V6PLUS)
    packets = [unsummed(HOSTS[at % 6], 5000 + at, TARGET, 53) for at in range(300)]
    seen = line.passed(packets)
    assert len(seen) == 240
    assert all(is_right(one.data) for one in seen)

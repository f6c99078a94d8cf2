"""Packets of a diagnosis: what is sent is as the RFCs have it, what is heard is read or left."""

import struct
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_frames import ECHO, OURS, PROBE, TOKEN, icmpv6

from dualwan.host import ndp
from dualwan.host.checksum import checksum
from dualwan.host.evidence import frames
from dualwan.model.evidence import Advertisement


@pytest.mark.parametrize("probe", [PROBE, ECHO])
def test_a_probe_has_its_size_and_good_checksums(probe):
    """And says that it must not be fragmented."""
    packet = frames.inner(probe, OURS, TOKEN)
    assert len(packet) == probe.size == int.from_bytes(packet[2:4])
    assert packet[8] == probe.hops
    assert int.from_bytes(packet[6:8]) == 0x4000
    assert checksum(packet[:20]) == 0
    if probe.echo:
        assert checksum(packet[20:]) == 0
    else:
        pseudo = packet[12:20] + struct.pack("!HH", 17, len(packet) - 20)
        assert checksum(pseudo + packet[20:]) == 0
        assert packet[20:24] == struct.pack("!HH", 1040, 1040)


def test_a_probe_that_comes_back_is_known():
    """By token and number; one of another run is not ours."""
    packet = frames.inner(PROBE, OURS, TOKEN)
    assert frames.read_inner(packet, OURS, TOKEN).number == 7
    assert frames.read_inner(packet, OURS, b"anotherr").number is None


def test_an_echo_counts_when_it_is_answered():
    """The request itself, seen on its way, does not."""
    packet = bytearray(frames.inner(ECHO, OURS, TOKEN))
    assert frames.read_inner(bytes(packet), OURS, TOKEN).number is None
    packet[20] = 0
    assert frames.read_inner(bytes(packet), OURS, TOKEN).number == 9


def test_an_error_names_the_probe_by_what_it_quotes():
    """Time exceeded (RFC 792): who said it, and about which of ours."""
    quoted = frames.inner(PROBE, OURS, TOKEN)[:28]
    body = struct.pack("!BBHI", 11, 0, 0, 0) + quoted
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0)
    packet = head + bytes([192, 0, 2, 1]) + bytes([192, 0, 2, 18]) + body
    found = frames.read_inner(packet, OURS, TOKEN)
    assert (found.stopped, found.source) == (frames.identification(PROBE, TOKEN), "192.0.2.1")
    assert frames.read_inner(packet, "192.0.2.19", TOKEN).stopped is None


def test_an_advertisement_is_read():
    """Lifetime and prefixes (RFC 4861 section 4.2); other options are passed over."""
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 1, 1, 0) + IPv6Address("2001:db8::").packed
    mtu = struct.pack("!BBHI", 5, 1, 0, 1500)
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + mtu + option
    found = frames.read_icmpv6(icmpv6("fe80::1", body))
    assert found.advertisement == Advertisement("fe80::1", 1800, ("2001:db8::/64",))
    cut = frames.read_icmpv6(icmpv6("fe80::1", body[:-1]))
    assert cut.advertisement.prefixes == ()
    empty = frames.read_icmpv6(icmpv6("fe80::1", body[:16] + bytes(8)))
    assert empty.advertisement.prefixes == (), "an option without length ends the list"


def test_an_icmpv6_error_names_the_target_of_the_packet():
    """Packet too big (RFC 4443 section 3.2), with the MTU."""
    lost = struct.pack("!IHBB", 6 << 28, 0, 4, 64) + bytes(16) + IPv6Address("2001:db8::9").packed
    found = frames.read_icmpv6(icmpv6("fe80::1", struct.pack("!BBHI", 2, 0, 0, 1400) + lost))
    assert (found.kind, found.target, found.mtu) == (2, "2001:db8::9", 1400)


def test_a_solicitation_names_its_target():
    """As duplicate detection sends it, from ::."""
    found = frames.read_icmpv6(ndp.detection("2001:db8::12:3456"))
    assert (found.kind, found.target) == (135, "2001:db8::12:3456")


def offer(tags, code=frames.PADO):
    """Return a PPPoE discovery packet with ``tags``."""
    body = b"".join(struct.pack("!HH", kind, len(value)) + value for kind, value in tags)
    return struct.pack("!BBHH", 0x11, code, 0, len(body)) + body


def test_an_offer_is_known_by_our_mark():
    """Host-Uniq (RFC 2516): offers to other dialling programs are not for us."""
    name, ours = (0x0102, b"bas-1"), (0x0103, TOKEN)
    assert frames.read_offer(offer([name, ours]), TOKEN) == "bas-1"
    assert frames.read_offer(offer([ours]), TOKEN) == "an unnamed access concentrator"
    assert frames.read_offer(offer([name]), TOKEN) is None
    assert frames.read_offer(offer([name, ours], code=frames.PADI), TOKEN) is None
    asked = frames.discovery(TOKEN)
    assert asked[1] == frames.PADI
    assert TOKEN in asked


@given(st.binary(max_size=120))
def test_whatever_comes_is_read_or_left(data):
    """No packet of anybody ends a diagnosis."""
    frames.read_inner(data, OURS, TOKEN)
    frames.read_icmpv6(data.ljust(40, b"\0"))
    frames.read_offer(data, TOKEN)


def test_the_shortest_probe_that_comes_back_is_known():
    """It ends with its number; one without is none."""
    whole = frames.inner(PROBE, OURS, TOKEN)[: 20 + 8 + len(TOKEN) + 2]
    assert frames.read_inner(whole, OURS, TOKEN).number == 7
    assert frames.read_inner(whole[:-1], OURS, TOKEN).number is None

"""The snat slice: ports of the shared address in the table."""

import re

from machine import BASE, config, wanted_of
from plans import SNAT, lines

from dualwan.slices import snat


def test_every_block_of_the_port_set_is_in_the_map_once():
    """63 blocks of 16 ports by offset 6 and length 6, each with the shared address."""
    ports = config().mape.manual.port_set
    for protocol in ("tcp", "udp", "icmp"):
        *_, rule = lines(SNAT.source(), f"{protocol}_any_block")
        blocks = re.findall(r"(\d+) : 192\.0\.2\.18 \. (\d+)-(\d+)", rule)
        assert [int(at) for at, _, _ in blocks] == list(range(63))
        assert tuple((int(low), int(high)) for _, low, high in blocks) == ports.ranges()
        assert "numgen inc mod 63" in rule


def test_udp_without_a_checksum_has_none_before_each_translation():
    """It is told before the first write of a port, each of which adjusts a checksum."""
    first, *_ = (line for line in lines(SNAT.source(), "udp_allocate") if "ct timeout" not in line)
    assert first.startswith("udp checksum 0 meta mark set ")
    for chain in ("udp_claimed", "udp_any_block"):
        *_, before, last = lines(SNAT.source(), chain)
        assert " snat ip to " in last
        assert " udp checksum set 0 " in before
    for protocol in ("tcp", "icmp"):
        assert not any("checksum" in line for line in lines(SNAT.source(), f"{protocol}_claimed"))


def test_a_block_of_one_port_is_written_as_one():
    """With offset and length filling 16 bits each port is a block, written as a range too."""
    wide = config(one="psid-length = 6 -> psid-length = 10\npsid-offset = 6")
    assert "0 : 192.0.2.18 . 1025-1025," in wanted_of(snat, wide).source()


def test_without_a_softwire_nothing_leaves_by_the_tunnel():
    """No translation yet, so the egress filter drops all; PPPoE is masqueraded all the same."""
    text = wanted_of(snat, config(re.sub(r"(?s)provider.*?6\n\n", "\n", BASE))).source()
    assert lines(text, "egress_filter")[-1] == "counter name untranslated drop"
    assert lines(text, "postrouting")[1:] == ['oifname "ppp0" masquerade']

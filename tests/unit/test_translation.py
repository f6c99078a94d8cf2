"""The snat slice: ports of the shared address in the table."""

import re

from machine import BASE, config, wanted_of
from plans import SNAT, lines

from dualwan.slices import snat


def test_every_block_of_the_port_set_is_in_the_map_once():
    """63 blocks of 16 ports by offset 6 and length 6, each with the shared address."""
    ports = config().mape.manual.port_set
    for protocol in ("tcp", "udp", "icmp"):
        (rule,) = lines(SNAT.source(), f"{protocol}_any_block")
        blocks = re.findall(r"(\d+) : 192\.0\.2\.18 \. (\d+)-(\d+)", rule)
        assert [int(at) for at, _, _ in blocks] == list(range(63))
        assert tuple((int(low), int(high)) for _, low, high in blocks) == ports.ranges()
        assert "numgen inc mod 63" in rule


def test_a_block_of_one_port_is_written_as_one():
    """With offset and length filling 16 bits each port is a block, written as a range too."""
    wide = config(one="psid-length = 6 -> psid-length = 10\npsid-offset = 6")
    assert "0 : 192.0.2.18 . 1025-1025," in wanted_of(snat, wide).source()


def test_without_a_softwire_nothing_leaves_by_the_tunnel():
    """No translation yet, so the egress filter drops all; PPPoE is masqueraded all the same."""
    text = wanted_of(snat, config(re.sub(r"(?s)provider.*?6\n\n", "\n", BASE))).source()
    assert lines(text, "egress_filter")[-1] == "counter name untranslated drop"
    assert lines(text, "postrouting")[1:] == ['oifname "ppp0" masquerade']

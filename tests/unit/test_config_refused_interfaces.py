"""Interfaces that are refused: names that are none, patterns, and one in two places."""

import pytest
from config_texts import assert_refused


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            '["lan0"]',
            '["wan0", "wan0"]',
            "lan.interfaces: the interface 'wan0' is listed twice, also in wan.interface",
            id="shared interface twice",
        ),
        pytest.param(
            '["lan0"]',
            '["lan0"]\nnetworks = ["192.168.1.0/24"]',
            "lan.networks: serves a LAN on the WAN's own interface (wan0)",
            id="networks of an interface that is not shared",
        ),
        pytest.param(
            '["lan0"]',
            '["wan0"]\nnetworks = []',
            "lan.networks: is empty",
            id="a shared interface without networks",
        ),
        pytest.param(
            '["lan0"]',
            '["lan0", "lan0"]',
            "'lan0' is listed twice, also in lan.interfaces",
            id="interface twice in one list",
        ),
        pytest.param(
            '["lan0"]',
            '["ppp0"]',
            "'ppp0' is listed twice, also in pppoe.interface",
            id="interface that is a WAN by default",
        ),
        pytest.param(
            '["lan0"]',
            '["wa*"]',
            "'wa*' covers 'wan0' (wan.interface) too",
            id="pattern of the WAN",
        ),
        pytest.param(
            '["lan0"]',
            '["mape*"]',
            "'mape*' covers 'mape0' (mape.tunnel) too",
            id="pattern of the tunnel",
        ),
        pytest.param(
            '["lan0"]',
            '["lan0", "p*"]',
            "'p*' covers 'ppp0' (pppoe.interface) too",
            id="pattern of the PPPoE session",
        ),
        pytest.param(
            '["lan0"]',
            '["ppp1*"]',
            "'ppp1*' may cover the PPPoE session (ppp0, or the next",
            id="pattern of another number of the session",
        ),
        pytest.param(
            '["lan0"]', '["lan0", "l*"]', "'l*' covers 'lan0' (lan.", id="pattern of a listed name"
        ),
        pytest.param(
            '["lan0"]', '["br-*", "br*"]', "'br*' covers 'br-*'", id="pattern of another pattern"
        ),
        pytest.param('["lan0"]', '["lo*"]', "'lo*' covers 'lo' (the router", id="pattern of lo"),
        pytest.param('["lan0"]', '["*"]', "'*' is every interface", id="pattern of everything"),
        pytest.param('["lan0"]', '["b*r"]', "has a * that is not its end", id="* amid a pattern"),
        pytest.param('["lan0"]', '["b**"]', "has a * that is not its end", id="two * in a pattern"),
        pytest.param('["lan0"]', '["b r*"]', "is no pattern of interface", id="pattern with space"),
        pytest.param(
            '["lan0"]', '["wg0123456789012*"]', "is too long", id="pattern of longer names than any"
        ),
        pytest.param('"wan0"', '"wan*"', "'wan*' is no interface name", id="pattern for the WAN"),
        pytest.param('["lan0"]', "[]", "lan.interfaces: must be a list", id="no LAN at all"),
        pytest.param('["lan0"]', '"lan0"', "lan.interfaces: must be a list", id="text for list"),
        pytest.param(
            '"wan0"',
            '"wan 0"',
            "wan.interface: 'wan 0' is no interface name",
            id="interface with a space",
        ),
        pytest.param(
            '"wan0"', "'wan0\"; drop'", "is no interface name", id="interface with a quote"
        ),
        pytest.param('"wan0"', '"wan0123456789abc"', "is too long", id="interface name too long"),
        pytest.param('"wan0"', "7", "wan.interface: an interface is a text", id="number for text"),
        pytest.param(
            "psid = 1",
            'psid = 1\ntunnel = "ip6tnl0"',
            "made by the kernel itself",
            id="the kernel's own tunnel",
        ),
    ],
)
def test_a_wrong_interface_is_refused(old, new, says):
    """With file, line, section and key."""
    assert_refused(old, new, says)

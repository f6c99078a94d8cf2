"""IPsec with policies between the router and a host outside, by PPPoE: real ESP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from guest import product, router, traffic
from guest.addresses import CLIENT_ADDRESS, INTERNET_HOSTS, LAN_ADDRESS, PPP
from guest.capture import Capture
from guest.isp import PPP_UNIT
from guest.line import Line
from guest.namespace import Namespace
from guest.servers import Servers

ESP = 50  # its protocol number
PEER, WEB = INTERNET_HOSTS[3], 8123
LAN_NETWORK, FAR_NETWORK, FAR_HOST = "192.168.10.0/24", "10.77.0.0/24", "10.77.0.1"
KEYS = "enc cbc(aes) 0x00112233445566778899aabbccddeeff auth hmac(sha256) 0x" + "5a" * 32
OFFERED = """
[firewall]
inbound = ["ssh", "esp"]
outbound = ["dns", "esp"]
ipsec = "{}"
"""


def _config(word: str) -> str:
    text = product.with_keys()
    return text[: text.index("[firewall]")] + OFFERED.format(word).lstrip()


def _policies(space: Namespace, own: str, other: str, near: str, far: str) -> None:
    """Let a host encrypt what goes from the network ``near`` to the network ``far``."""
    space.ip(
        f"xfrm state add src {own} dst {other} proto esp spi 0x{_spi(own)} mode tunnel {KEYS}",
        f"xfrm state add src {other} dst {own} proto esp spi 0x{_spi(other)} mode tunnel {KEYS}",
        f"xfrm policy add src {near} dst {far} dir out "
        f"tmpl src {own} dst {other} proto esp mode tunnel",
        *(
            f"xfrm policy add src {far} dst {near} dir {way} "
            f"tmpl src {other} dst {own} proto esp mode tunnel"
            for way in ("in", "fwd")
        ),
    )


def _spi(address: str) -> str:
    return f"{int(address.rpartition('.')[2]) + 0x1000:x}"


@pytest.fixture(scope="module", autouse=True)
def vpn(line: Line, installed: object) -> Iterator[None]:
    """A tunnel between PPPoE's address and a host outside, which has a network of its own."""
    assert installed
    product.up_with(_config("accept"))
    own = next(one for one in router.addresses(PPP) if one.startswith("203.0.113."))
    line.internet.ip(
        f"address add {FAR_HOST}/24 dev lo", f"route add {LAN_NETWORK} via 192.0.2.1 src {FAR_HOST}"
    )
    _policies(line.router, own, PEER, LAN_NETWORK, FAR_NETWORK)
    _policies(line.internet, PEER, own, FAR_NETWORK, LAN_NETWORK)
    yield
    for space in (line.router, line.internet):
        space.ip("xfrm policy flush", "xfrm state flush")
    line.internet.ip(f"route del {LAN_NETWORK}", f"address del {FAR_HOST}/24 dev lo")
    product.apply()


def test_both_networks_reach_each_other(line: Line) -> None:
    """With their own addresses, and nothing of it in clear on PPPoE."""
    with (
        Servers(line.client, tcp=(WEB,)) as near,
        Servers(line.internet, tcp=(WEB,)) as far,
        Servers(line.router, tcp=(WEB + 1,)),
        # Between the two: whoever decapsulates sees the packet a second time, in clear.
        Capture(line.isp.space, f"ppp{PPP_UNIT}") as wire,
    ):
        assert traffic.ask_tcp(line.client, FAR_HOST, WEB).address == CLIENT_ADDRESS
        back = traffic.ask_tcp(line.internet, CLIENT_ADDRESS, WEB, source=FAR_HOST)
        assert back.address == FAR_HOST
        assert traffic.ask_tcp(line.internet, LAN_ADDRESS, WEB + 1, source=FAR_HOST)
        assert [flow.peer for flow in near.seen()] == [FAR_HOST]
        assert [flow.peer for flow in far.seen()] == [CLIENT_ADDRESS]
        passed = wire.packets()
    assert any(packet.protocol == ESP for packet in passed)
    seen = {address for packet in passed for address in (packet.source, packet.destination)}
    assert not seen & {CLIENT_ADDRESS, LAN_ADDRESS, FAR_HOST}


def test_by_default_it_is_closed(line: Line) -> None:
    """What comes out of ESP is from outside, until the owner says otherwise."""
    product.apply(_config("drop"))
    with Servers(line.client, tcp=(WEB,)):
        assert traffic.try_port(line.internet, CLIENT_ADDRESS, WEB, 2, source=FAR_HOST) == "silent"
    product.apply(_config("accept"))

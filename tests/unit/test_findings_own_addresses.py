"""V1: forwards to the router itself, and public networks behind PPPoE, are named and refused."""

import errno
import socket
import struct
from ipaddress import ip_address, ip_interface

import pytest
from machine import BASE, config
from rtnetlink import address

from dualwan.errors import ConfigError
from dualwan.findings import find, own_addresses
from dualwan.host.around import addresses
from dualwan.model.surroundings import OwnAddress, Surroundings

AROUND = Surroundings(
    addresses=(
        OwnAddress("lan0", ip_interface("192.168.1.1/24")),
        OwnAddress("lan0", ip_interface("2001:db8:1::1/64")),
        OwnAddress("wan0", ip_interface("2001:db8:2::2/64")),
        OwnAddress("mape0", ip_interface("192.0.2.18/32")),
        OwnAddress("ppp0", ip_interface("203.0.113.7/32"), ip_address("203.0.113.1")),
    )
)
PINHOLE = '[[forward]]\nprotocol = "tcp"\nport = 443\nto = "{}"\n'
SECOND = '[way.second]\ntype = "pppoe"\npeer = "second"\ninterface = "ppp1"\n'
BY_PPPOE = '[[forward]]\nvia = "pppoe"\nprotocol = "tcp"\nport = 8080\nto = "{}:80"\n'


@pytest.mark.parametrize(
    ("forward", "seen", "service"),
    [
        (
            PINHOLE.format("2001:db8:2::2"),
            "2001:db8:2::2 is the router itself (2001:db8:2::2 on wan0)",
            '{ service = "tcp/443", via = "ipv6" }',
        ),
        (
            PINHOLE.format("::1"),
            "::1 is the router itself (2001:db8:1::1 on lan0)",
            '{ service = "tcp/443", via = "ipv6" }',
        ),
        (
            BY_PPPOE.format("192.168.1.1"),
            "192.168.1.1 is the router itself (192.168.1.1 on lan0)",
            '{ service = "tcp/80" }',
        ),
        (
            BY_PPPOE.format("192.168.1.1") + 'from = ["198.51.100.0/24", "203.0.113.9"]\n',
            "192.168.1.1 is the router itself (192.168.1.1 on lan0)",
            '{ service = "tcp/80", from = ["198.51.100.0/24", "203.0.113.9/32"] }',
        ),
        (
            SECOND + BY_PPPOE.format("192.168.1.1").replace("pppoe", "second"),
            "192.168.1.1 is the router itself (192.168.1.1 on lan0)",
            '{ service = "tcp/80", via = "second" }',
        ),
    ],
)
def test_a_forward_to_the_router_itself_is_refused_with_what_to_write(forward, seen, service):
    """By IPv6, whole or by its lower half, and to an address of the LAN's side by PPPoE."""
    cfg = config(BASE + forward)
    (found,) = find(cfg, AROUND)
    assert found.code == "forward-to-router"
    with pytest.raises(ConfigError) as refused:
        own_addresses.refuse(cfg, AROUND)
    assert str(refused.value) == found.text
    assert found.text.startswith("dualwan.toml:")
    assert f"{seen}, where a forward opens nothing: write {service} into inbound" in found.text


def test_by_the_shared_address_the_router_offers_nothing():
    """What would open the port by PPPoE is no remedy."""
    forward = BY_PPPOE.format("192.168.1.1").replace("pppoe", "mape").replace("8080", "7199")
    (found,) = find(config(BASE + forward), AROUND)
    assert "{ service" not in found.remedy
    assert found.remedy.startswith("by MAP-E's shared address the router offers nothing: name a ")


@pytest.mark.parametrize(
    "forward",
    [PINHOLE.format("2001:db8:1::80"), PINHOLE.format("::80"), BY_PPPOE.format("192.168.1.5")],
)
def test_a_forward_to_another_host_is_none(forward):
    """The networks are the router's, the addresses are not."""
    cfg = config(BASE + forward)
    assert find(cfg, AROUND) == ()
    own_addresses.refuse(cfg, AROUND)


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace('["lan0"]', '["lan0"]\nvia-pppoe = ["0.0.0.0/0"]'),
        BASE + '[[policy]]\nway = "pppoe"\nsource = "0.0.0.0/0"\nport = 443\n',
    ],
)
def test_every_host_is_no_public_network(text):
    """All of the LAN takes PPPoE; nothing is said of the addresses that its hosts have."""
    assert find(config(text), AROUND) == ()


def test_a_public_network_of_the_lan_is_refused():
    """A /29 that the provider routes to PPPoE: its hosts are neither reached nor seen."""
    public = OwnAddress("lan0", ip_interface("198.51.100.9/29"))
    (found,) = find(config(), Surroundings(addresses=(*AROUND.addresses, public)))
    assert found.code == "routed-network"
    assert found.text.startswith(
        "dualwan.toml: lan.interfaces: lan0 has 198.51.100.8/29, a public network, which "
    )
    with pytest.raises(ConfigError, match="in 'addresses' of no way"):
        own_addresses.refuse(config(), Surroundings(addresses=(public,)))


def test_a_pattern_names_its_devices():
    """A public network on one of the bridges that [lan] names by their beginning."""
    cfg = config(BASE.replace('["lan0"]', '["lan0", "br-*"]'))
    public = OwnAddress("br-dmz", ip_interface("198.51.100.9/29"))
    (found,) = find(cfg, Surroundings(addresses=(public,)))
    assert "br-dmz has 198.51.100.8/29" in found.text


@pytest.mark.parametrize("network", ["198.51.100.8/29", "198.51.100.9"])
def test_public_hosts_that_take_pppoe_are_refused(network):
    """They are in the file, whatever the machine has."""
    cfg = config(BASE.replace("[mape]", f'via-pppoe = ["{network}"]\n[mape]'))
    (found,) = find(cfg, Surroundings())
    assert "lan.via-pppoe: 198.51.100." in found.seen


@pytest.mark.parametrize(
    ("device", "text"),
    [
        ("lan0", "10.1.2.3/8"),
        ("lan0", "100.64.1.1/24"),
        ("lan0", "198.51.100.9/32"),
        ("dmz0", "198.51.100.9/29"),
    ],
)
def test_other_networks_are_not_a_routed_one(device, text):
    """Private ones, a lone address of the router, and a device that is not the LAN's."""
    around = Surroundings(addresses=(OwnAddress(device, ip_interface(text)),))
    assert find(config(), around) == ()


MESSAGES = (
    address("192.168.1.1", 3, 24),
    address("fe80::1", 3, 64),
    address("2001:db8:1::1", 3, 64),
    address("2001:db8:2::1", 3, 64, by=2),
    address("203.0.113.7", 7, 32, peer="203.0.113.1"),
    address("203.0.113.9", 99, 32),
)
DONE, ERROR = (struct.pack("=IHHIIi", 20, kind, 0, 1, 0, -1) for kind in (3, 2))


class Kernel:
    """A socket to a kernel that answers a dump of addresses with ``parts``."""

    def __init__(self, parts):
        self.parts = list(parts)

    def __call__(self, *kind):
        """Open one, as socket.socket does."""
        assert kind == (socket.AF_NETLINK, socket.SOCK_RAW, 0)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def settimeout(self, seconds):
        """See socket."""
        assert seconds > 0

    def send(self, asked):
        """Take the question."""
        assert struct.unpack("=IHHII", asked[:16]) == (24, 22, 0x301, 1, 0)

    def recv(self, size):
        """Return the next part."""
        assert size >= 1 << 15
        return self.parts.pop(0)


def _device(index):
    """Return the name of a device, as if_indextoname(3)."""
    if index in {3, 7}:
        return {3: "lan0", 7: "ppp0"}[index]
    raise OSError(errno.ENXIO, "No such device or address")


def test_the_addresses_are_those_of_all_devices(monkeypatch):
    """But of loopback and of a link, which no forward can name, and of a device that is gone."""
    data = b"".join(bytes(one.data) for one in MESSAGES)
    monkeypatch.setattr(socket, "socket", Kernel([data, DONE]))
    monkeypatch.setattr(socket, "if_indextoname", _device)
    assert addresses.look() == (
        OwnAddress("lan0", ip_interface("192.168.1.1/24")),
        OwnAddress("lan0", ip_interface("2001:db8:1::1/64")),
        OwnAddress("lan0", ip_interface("2001:db8:2::1/64"), heard=True),
        OwnAddress("ppp0", ip_interface("203.0.113.7/32"), ip_address("203.0.113.1")),
    )


@pytest.mark.parametrize("cut", [MESSAGES[0].data, DONE], ids=["an address", "the end"])
def test_an_interrupted_listing_is_begun_anew(monkeypatch, cut):
    """While another program changes addresses it may lack some (NLM_F_DUMP_INTR)."""
    flagged = bytes(cut[:6]) + struct.pack("=H", 2 | 0x10) + bytes(cut[8:])
    first = [flagged] if cut == DONE else [flagged, DONE]
    whole = b"".join(bytes(one.data) for one in MESSAGES)
    monkeypatch.setattr(socket, "socket", Kernel([*first, whole, DONE]))
    monkeypatch.setattr(socket, "if_indextoname", _device)
    assert len(addresses.look()) == 4
    monkeypatch.setattr(socket, "socket", Kernel([flagged + DONE] * 100))
    assert addresses.look() == (), "nothing is told of a machine that is never still"


def _odd(body):
    return struct.pack("=IHHII", 16 + len(body), 20, 0, 1, 0) + body


@pytest.mark.parametrize(
    "answer",
    [
        ERROR,
        struct.pack("=IHHII", 0, 20, 0, 1, 0),
        struct.pack("=IHHII", 4000, 20, 0, 1, 0),
        _odd(b"\2\x18\0"),
        _odd(struct.pack("=BBBBI", 2, 24, 0, 0, 3)),
        _odd(struct.pack("=BBBBIHHI", 2, 99, 0, 0, 3, 8, 1, 5)),
        _odd(struct.pack("=BBBBIHHI", 2, 24, 0, 0, 3, 6, 1, 5)),
        _odd(struct.pack("=BBBBIHHI", 2, 24, 0, 0, 3, 0, 1, 5)),
        _odd(struct.pack("=BBBBIHHI", 2, 24, 0, 0, 3, 900, 1, 5)),
    ],
    ids=lambda answer: answer.hex(" ", 4),
)
def test_addresses_that_cannot_be_read_are_none(monkeypatch, answer):
    """The configuration is checked all the same; a length that cannot be goes nowhere for ever."""
    monkeypatch.setattr(socket, "socket", Kernel([answer, DONE]))
    monkeypatch.setattr(socket, "if_indextoname", _device)
    assert addresses.look() == ()

"""Conntrack entries of an address, selected by the kernel: those and no others."""

import errno
import socket

import pytest
from line import CLIENT, PPPOE, SERVERS, SHARED
from space import until

from dualwan.host import conntrack
from dualwan.host.nfnetlink import Nfnetlink, attribute

CTA_FILTER = 25


def entries(line, *selection):
    """Return the entries that conntrack(8) lists, a line each."""
    return line.router.run("conntrack", "-L", "-f", "ipv4", *selection).splitlines()


def fill(line):
    """Let the LAN open flows of three kinds; those of TCP are answered."""
    line.internet.listen(443)
    for server in SERVERS:
        line.lan.udp().sendto(b"", (server, 5000))
        line.lan.ping(server, timeout=0.01)
        client = line.lan.open_socket(timeout=0)
        client.connect_ex((server, 443))
    # A busy machine forwards them later.
    assert until(lambda: len(entries(line)) >= 3 * len(SERVERS))


TRACKED = """
table ip tracked {
	chain output {
		type filter hook output priority filter;
		ct state new accept
	}
	chain forward {
		type filter hook forward priority filter;
		ct state new accept
	}
}
"""


@pytest.fixture(name="selects", params=["selecting", "listing"])
def _selects(request, monkeypatch):
    """Let the kernel delete by a selection, or refuse to as Linux 6.1 does."""
    order = Nfnetlink.order

    def refusing(self, kind, family, content):
        if kind == conntrack.DELETE and attribute(content, CTA_FILTER):
            raise OSError(errno.EINVAL, "Invalid argument")
        order(self, kind, family, content)

    if request.param == "listing":
        monkeypatch.setattr(Nfnetlink, "order", refusing)


@pytest.mark.usefixtures("selects")
def test_the_flows_of_an_address_are_forgotten(bare):
    """GRE, whose keys nobody needs to know, among them; all others stay."""
    line = bare()
    line.router.nft(TRACKED)
    fill(line)
    for server in SERVERS:
        line.router.udp(PPPOE).sendto(b"", (server, 5000))
    gre = line.router.open_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_GRE)
    gre.bind((PPPOE, 0))
    gre.sendto(bytes([0, 0, 8, 0]), (SERVERS[0], 0))
    mine = [one for one in entries(line) if f"src={PPPOE} " in one]
    kept = len(entries(line)) - len(mine)
    assert len(mine) == len(SERVERS) + 1
    assert kept == 3 * len(SERVERS)
    for _ in range(2):  # the second time there is none
        line.router.call(conntrack.forget_flows, PPPOE)
        assert [one for one in entries(line) if PPPOE in one] == []
        assert len(entries(line)) == kept


def test_the_flows_of_an_address_are_listed(line):
    """As many as conntrack(8) lists, with the ports that it shows."""
    fill(line)
    found = line.router.call(conntrack.flows_from, SHARED)
    listed = entries(line, "--reply-dst", SHARED)
    assert len(found) == len(listed) == 3 * len(SERVERS)
    assert {one.protocol for one in found} == {"tcp", "udp", "icmp"}
    assert {one.host for one in found} == {CLIENT}
    assert {one.destination for one in found} == {*SERVERS}
    ports = line.ports()
    for one in found:
        shown = "id" if one.protocol == "icmp" else "dport"
        (text,) = (
            text
            for text in listed
            if text.startswith(one.protocol) and f" dst={one.destination} " in text
        )
        assert f" {shown}={one.port} " in text
        assert one.port in ports
    assert line.router.call(conntrack.flows_from, "192.0.2.99") == ()

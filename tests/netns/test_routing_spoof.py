"""A source of the LAN that comes in from outside is known by the routes of the LAN alone."""

import pytest
from line import CLIENT, CONFIG, PPPOE, SERVERS
from packets import Packet
from scenes import passes
from space import until

PUBLIC, PUBLIC_ROUTER = "192.0.2.130", "192.0.2.129"  # of a LAN with public addresses


@pytest.fixture(name="public")
def _public(line):
    """Return a line whose LAN has public addresses too; the internet has them as well."""
    line.router.ip(f"address add {PUBLIC_ROUTER}/28 dev lan0")
    line.internet.ip(f"address add {PUBLIC}/32 dev lo\naddress add {CLIENT}/32 dev lo")
    return line


def test_a_public_source_of_the_lan_does_not_come_in_by_pppoe(public):
    """The way back to it is asked for PPPoE's own address, and is the LAN all the same."""
    assert until(lambda: passes(public, "ppp", SERVERS[0], PPPOE))
    assert not passes(public, "ppp", PUBLIC, PPPOE)
    public.open()
    assert passes(public, "ppp", PUBLIC, PPPOE)


@pytest.mark.parametrize("source", [PUBLIC, CLIENT])
def test_an_error_from_a_lan_host_does_not_come_in_by_pppoe(public, source):
    """An ICMP error may come from a private address, but not from one of the LAN."""
    error = Packet(
        source,
        PPPOE,
        "icmp",
        kind="needs-frag",
        quote=Packet(PPPOE, SERVERS[0], "udp", 5000, 5000).build(),
    )
    public.router.nft("""
        table ip witness {
            counter seen { }
            chain prerouting {
                type filter hook prerouting priority -290; policy accept;
                iifname "ppp0" icmp type destination-unreachable counter name seen
            }
        }
    """)
    raw = public.internet.open_socket(2, 3, 255)
    public.internet.ip(f"route replace {PPPOE}/32 dev ppp")

    def seen():
        return "packets 0 " not in public.router.run(
            "nft", "list", "counter", "ip", "witness", "seen"
        )

    raw.sendto(error.build(), (PPPOE, 0))
    honest = Packet("10.77.0.1", PPPOE, "icmp", kind="needs-frag", quote=error.quote)
    assert not until(seen, 0.4)
    raw.sendto(honest.build(), (PPPOE, 0))
    assert until(seen)


def test_a_service_on_offer_is_not_reached_with_a_source_of_the_lan(public):
    """Nor is the LAN told of what the spoofer did."""
    service = public.router.udp(PPPOE, 5000)
    public.config.write_text(CONFIG + '[firewall]\ninbound = ["udp/5000"]\n')
    public.apply()
    public.internet.udp(SERVERS[0]).sendto(b"honest", (PPPOE, 5000))
    assert service.recv(64) == b"honest"
    public.internet.udp(PUBLIC).sendto(b"spoofed", (PPPOE, 5000))
    service.settimeout(0.4)
    with pytest.raises(TimeoutError):
        service.recv(64)

"""[[policy]] with real packets: who takes which way, in which order, and what stays as it was."""

import json

import pytest
from line import CLIENT, CONFIG, PPPOE, ROUTER, SERVERS, SHARED
from scenes import NEIGHBOUR, SECOND, SECOND_ROUTER, TWO_LANS, exchange, from_lan, reconnect
from unnamed_vpn import VPN_HOST, with_vpn

FIRST, OTHER = SERVERS[:2]
UNREACHABLE = r"unreachable|No route"


def policy(way="pppoe", **keys):
    """Return a [[policy]] as text; keys are texts, numbers and lists."""
    lines = (f"{key} = {json.dumps(value)}" for key, value in keys.items())
    return "\n".join((f'[[policy]]\nway = "{way}"', *lines, ""))


@pytest.fixture(name="having")
def _having(made):
    """Return a function that makes a line with these policies, and MAP-E's own table."""

    def make(*policies, config=TWO_LANS):
        line = made(*policies, config=config)
        line.lan.ip(
            f"rule add from {SECOND} table 7\nroute add default via {SECOND_ROUTER} table 7"
        )
        with_mape(line)
        return line

    return make


def with_mape(line):
    """Give MAP-E's table the route that the tunnel slice would, were mape0 a tunnel."""
    line.router.run("ip", "route", "replace", "default", "dev", "mape0", "table", "101")


def without_pppoe(line):
    """Let PPPoE go down."""
    line.router.ip("address flush dev ppp0\nlink set ppp0 down")
    line.apply()


class Far:
    """A server on the internet: whom it sees tells which way a flow took."""

    def __init__(self, line, port=80):
        self.line, self.port = line, port
        self.server = line.internet.listen(port)

    def sees(self, source=CLIENT, address=FIRST):
        """Return the outer address of a new connection from SOURCE, which is answered."""
        return exchange(self.server, from_lan(self.line, address, self.port, source))[0]


def test_by_source(having):
    """A host, a list with a network; the rest of the LAN stays with the default way."""
    far = Far(having(policy(source=[CLIENT, "192.168.2.0/29"])))
    assert [far.sees(one) for one in (CLIENT, SECOND, NEIGHBOUR)] == [PPPOE, PPPOE, SHARED]


def test_by_interface(having):
    """By name, and by a pattern of [lan] of which a policy names one device."""
    line = having(policy(interface="lan1"), config=CONFIG.replace('"lan0"', '"lan*"'))
    far = Far(line)
    assert [far.sees(one) for one in (SECOND, CLIENT)] == [PPPOE, SHARED]
    line.config.write_text(line.config.read_text().replace('"lan1"', '"lan*"'))
    line.apply()
    assert [far.sees(one) for one in (SECOND, CLIENT)] == [PPPOE] * 2


def test_by_mac(having):
    """Whatever addresses the device has; another device is not meant."""
    line = having()
    mac = line.lan.mac("eth0").upper().replace(":", "-")
    line.config.write_text(line.config.read_text() + policy(mac=mac))
    line.apply()
    far = Far(line)
    assert [far.sees(one) for one in (CLIENT, NEIGHBOUR, SECOND)] == [PPPOE, PPPOE, SHARED]


def test_by_port_and_protocol(having):
    """A port is of TCP and UDP, a range has both ends; ICMP has none."""
    line = having(
        policy(protocol="tcp", port=[443, "8000-8100"]),
        policy(port=53),
        policy(protocol="icmp", destination=OTHER),
    )
    found = {port: Far(line, port).sees() for port in (80, 443, 7999, 8000, 8100, 8101, 53)}
    assert {port for port, seen in found.items() if seen == PPPOE} == {443, 8000, 8100, 53}
    for port, seen in ((443, SHARED), (53, PPPOE)):
        server, client = line.internet.udp(FIRST, port), line.lan.udp(CLIENT)
        client.sendto(b"question", (FIRST, port))
        assert server.recvfrom(64)[1][0] == seen
    taps = {way: line.internet.sniff(way) for way in ("ppp", "mape")}
    assert line.lan.ping(OTHER) == line.lan.ping(FIRST) == {1}
    assert {way: tap.sources() & {PPPOE, SHARED} for way, tap in taps.items()} == {
        "ppp": {PPPOE},
        "mape": {SHARED},
    }


def test_by_destination(having):
    """A network outside, and a server in it that is not meant."""
    far = Far(having(policy("mape", destination=OTHER), policy(destination="198.51.100.0/29")))
    assert [far.sees(address=one) for one in (FIRST, OTHER, SERVERS[7])] == [PPPOE, SHARED, SHARED]


def test_the_first_that_fits_decides(having):
    """In the order of the file; via-pppoe comes after all of them, and before the default way."""
    config = TWO_LANS.replace("[mape]", f'via-pppoe = ["{CLIENT}", "{NEIGHBOUR}"]\n[mape]')
    far = Far(
        having(
            policy("mape", source=CLIENT, port=80),
            policy(source="192.168.0.0/16", port=80),
            policy("mape", source=CLIENT),
            config=config,
        )
    )
    other = Far(far.line, 443)
    assert [far.sees(one) for one in (CLIENT, NEIGHBOUR, SECOND)] == [SHARED, PPPOE, PPPOE]
    assert [other.sees(one) for one in (CLIENT, NEIGHBOUR, SECOND)] == [SHARED, PPPOE, SHARED]


def test_while_its_way_is_down(having):
    """The default way, or nothing: the host is told at once. Back, it takes new flows again."""
    line = having(policy(source=CLIENT), policy(source=SECOND, fallback="none"))
    far = Far(line)
    assert [far.sees(one) for one in (CLIENT, SECOND)] == [PPPOE] * 2
    without_pppoe(line)
    taps = [line.internet.sniff(way) for way in ("ppp", "mape")]
    with pytest.raises(OSError, match=UNREACHABLE):
        far.sees(SECOND)
    assert [tap.sources() for tap in taps] == [set(), set()]
    assert far.sees(CLIENT) == far.sees(NEIGHBOUR) == SHARED
    reconnect(line, PPPOE)
    assert [far.sees(one) for one in (CLIENT, SECOND)] == [PPPOE] * 2


def test_without_a_session_none_is_none_whatever_the_default_route_is(having):
    """A VPN client with a default route of its own is no way that was named."""
    line = having(policy(fallback="none"))
    with_vpn(line)
    without_pppoe(line)
    by_vpn = line.vpn.sniff("wg")
    for route in ("default", "0.0.0.0/1"):  # the kernel sends a host two such errors a second
        line.router.run("ip", "route", "replace", route, "dev", "wg0")
        with pytest.raises(OSError, match=UNREACHABLE):
            from_lan(line, FIRST, 80)
    assert by_vpn.sources() == set()


def test_the_default_way_can_be_the_one_that_is_down(having):
    """With another one as its fallback it takes that, with none nothing."""
    line = having(
        policy("mape", source="192.168.1.0/24", fallback="pppoe"),
        policy("mape", source=SECOND, fallback="none"),
    )
    far = Far(line)
    assert [far.sees(one) for one in (CLIENT, SECOND)] == [SHARED] * 2
    line.router.run("ip", "route", "flush", "table", "101")
    line.router.run("ip", "route", "replace", "default", "dev", "ppp0")
    assert far.sees(CLIENT) == PPPOE
    with pytest.raises(OSError, match=UNREACHABLE):
        far.sees(SECOND)
    without_pppoe(line)
    with pytest.raises(OSError, match=UNREACHABLE):  # a host without flows that ended so already
        far.sees(NEIGHBOUR)


def test_where_failover_has_replaced_it_it_is_down(having):
    """A way that carries nothing takes no new flow, though its device is there."""
    line = having(
        policy("mape", source=SECOND, fallback="none"),
        config=TWO_LANS.replace("[lan]", "failover = true\n[lan]"),
    )
    with pytest.raises(OSError, match=UNREACHABLE):  # no router of IPv6 here
        from_lan(line, FIRST, 80, SECOND)
    line.router.ip("address add 2001:db8:9::2/64 dev wan0 nodad\nroute add ::/0 dev wan0")
    line.apply()
    assert Far(line).sees(SECOND) == SHARED


def test_established_flows_stay_where_they_began(having):
    """When PPPoE comes, and when the policies are others; new ones go by what is now."""
    line = having(policy(source=CLIENT))
    far = Far(line)
    client = from_lan(line, FIRST, 80)
    seen, accepted = exchange(far.server, client)
    before = line.config.read_text()
    for text, new in ((before.replace(CLIENT, SECOND), SHARED), (before, PPPOE)):
        other = from_lan(line, FIRST, 80)
        other_seen, other_accepted = exchange(far.server, other)
        line.config.write_text(text)
        line.apply()
        assert far.sees() == new
        for mine, theirs, outer in ((client, accepted, seen), (other, other_accepted, other_seen)):
            tap = line.internet.sniff("ppp" if outer == PPPOE else "mape")
            mine.sendall(b"still")
            assert theirs.recv(5) == b"still"
            theirs.sendall(b"here")
            assert mine.recv(4) == b"here"
            assert outer in tap.sources()


def test_a_flow_that_fell_back_stays_there(having):
    """It has the other way's address, which PPPoE cannot carry."""
    line = having(policy(source=CLIENT))
    without_pppoe(line)
    far = Far(line)
    client = from_lan(line, FIRST, 80)
    seen, accepted = exchange(far.server, client)
    assert seen == SHARED
    reconnect(line, PPPOE)
    client.sendall(b"still")
    assert accepted.recv(5) == b"still"
    assert far.sees() == PPPOE


def test_it_replaces_the_default_route_alone(having):
    """The router, the LAN's other network and a VPN are reached as ever, whatever the policy."""
    line = having(policy(fallback="none"), config=TWO_LANS)
    with_vpn(line)
    line.lan.ip(f"route add {VPN_HOST}/32 via {ROUTER}")
    by_pppoe = line.internet.sniff("ppp")
    far, router = line.vpn.listen(80), line.router.listen(443)
    for _ in range(2):
        exchange(far, from_lan(line, VPN_HOST, 80))
        exchange(router, from_lan(line, ROUTER, 443))
        assert line.lan.ping(SECOND_ROUTER, timeout=2) == {1}
        without_pppoe(line)
    assert by_pppoe.sources() == set()


def test_a_service_of_the_router_by_its_outer_address_is_no_internet(having):
    """A policy leads to the internet, not from the router back to the LAN."""
    line = having(policy())
    exchange(line.router.listen(443), from_lan(line, PPPOE, 443))
    assert line.lan.ping(PPPOE, timeout=2) == {1}


def test_what_came_in_is_answered_by_the_way_it_came(made):
    """A server with a policy answers strangers by the way of their question."""
    forward = f'[[forward]]\nvia = "pppoe"\nprotocol = "tcp"\nport = 8080\nto = "{CLIENT}:80"\n'
    line = made(forward, policy("mape", source=CLIENT, fallback="none"))
    with_mape(line)
    server = line.lan.listen(80)
    exchange(server, line.internet.connect(PPPOE, 8080, timeout=2))


def test_only_first_packets_are_asked(having):
    """What is established passes the policies by: they cost it nothing."""
    line = having(policy(source=CLIENT), policy("mape", source=NEIGHBOUR, port=80))
    line.router.nft("insert rule ip dualwan_pbr policies counter")
    far = Far(line)
    for source in (CLIENT, NEIGHBOUR, SECOND):
        client = from_lan(line, FIRST, 80, source)
        _, accepted = exchange(far.server, client)
        for _ in range(5):
            client.sendall(b"more")
            assert accepted.recv(4) == b"more"
    listed = line.router.run("nft", "list", "chain", "ip", "dualwan_pbr", "policies")
    assert "counter packets 3 " in listed


def test_a_hundred_of_all_shapes_are_loaded_and_taken_back(having):
    """The kernel takes the chains, in parts where they are many; `down` leaves nothing."""
    keys = (
        lambda n: {"source": f"192.168.{n}.0/24"},
        lambda n: {"port": 1000 + n},
        lambda n: {"mac": f"02:00:5e:00:00:{n:02x}"},
        lambda n: {"destination": f"198.18.{n}.0/24"},
        lambda n: {"interface": "lan1", "protocol": "udp", "port": [2000 + n]},
        lambda n: {"source": f"10.{n}.0.0/16", "fallback": "none"},
    )
    shapes = (
        policy(("pppoe", "mape")[n // 6 % 2], **keys[n % len(keys)](n)) for n in range(3, 103)
    )
    line = having(*shapes)
    assert line.settled()
    assert "jump policies_2" in line.router.run("nft", "list", "table", "ip", "dualwan_pbr")
    found = [(1000 + n, (PPPOE, SHARED)[n // 6 % 2]) for n in (7, 13, 61, 97)]
    assert [(port, Far(line, port).sees()) for port, _ in found] == found
    line.hook("down")
    assert line.leftovers() == []

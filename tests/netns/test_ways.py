"""More than two ways: a second PPPoE session, and a fixed address beside MAP-E."""

import pytest
from further import FIXED, WITH_FIXED, add_way, asked, says
from line import BY_NAME, CLIENT, CONFIG, PPPOE, ROUTER, SERVERS, SHARED
from scenes import exchange, forward
from space import until

SECOND, SECOND_NEXT = "203.0.113.77", "203.0.113.78"
TWO_SESSIONS = (
    CONFIG
    + """
[way.second]
type = "pppoe"
peer = "second"
interface = "ppp1"
dial = false
"""
)
FAILOVER = CONFIG.replace("[lan]", "failover = true\n[lan]")


def with_tunnel_routes(line):
    """Make the routes of a fixed address that stands in: the tunnel slice takes no veth."""
    line.router.ip("""
        route add default dev fixed0 table 102
        route add default dev fixed0 metric 2049
    """)


def reconnect(line, address):
    """Let the second session come back with ADDRESS, as pppd and its hook do."""
    line.router.ip(f"address flush dev ppp1\naddress add {address}/32 dev ppp1")
    line.internet.ip(f"route add {address}/32 dev far-ppp1")
    line.event("ppp-up", PPP_IFACE="ppp1")


@pytest.fixture(name="sessions")
def _sessions(bare):
    """Return a line with two sessions, a server behind each, and where the second one leads."""
    line = bare(config=TWO_SESSIONS + forward("pppoe") + forward("second", 8081, f"{CLIENT}:81"))
    far = add_way(line, "ppp1", SECOND)
    line.apply()
    return line, far


def test_a_server_on_each_session_answers_by_its_own(sessions):
    """Each by its address, whatever the other does."""
    line, far = sessions
    taps = {PPPOE: line.internet.sniff("ppp"), SECOND: line.internet.sniff(far)}
    for address, port, inside in ((PPPOE, 8080, 80), (SECOND, 8081, 81)):
        exchange(line.lan.listen(inside), asked(line, address, port))
    assert {name: tap.sources() & {PPPOE, SECOND, SHARED} for name, tap in taps.items()} == {
        PPPOE: {PPPOE},
        SECOND: {SECOND},
    }


def test_a_forward_of_one_session_is_shut_on_the_other(sessions):
    """And on the shared address."""
    line, _ = sessions
    line.lan.listen(81)
    for address in (PPPOE, SHARED):
        with pytest.raises(TimeoutError):
            asked(line, address, 8081)


def test_a_lan_host_reaches_each_server_by_the_outer_address(sessions):
    """Hairpinning, by the port that a session forwards."""
    line, _ = sessions
    for address, port, inside in ((PPPOE, 8080, 80), (SECOND, 8081, 81)):
        server = line.lan.listen(inside)
        assert exchange(server, line.lan.connect(address, port))[0] == ROUTER


def test_the_routers_own_services_are_on_both(sessions):
    """A web server of the router answers by the session that was asked."""
    line, far = sessions
    server, tap = line.router.listen(80), line.internet.sniff(far)
    for address in (PPPOE, SECOND):
        client = asked(line, address, 80)
        server.accept()[0].sendall(b"hello")
        assert client.recv(5) == b"hello"
    assert SECOND in tap.sources()
    assert PPPOE not in tap.sources()


def test_one_session_reconnects_and_nothing_else_notices(sessions):
    """Flows by the other and by MAP-E go on; the server has the new address at once."""
    line, _ = sessions
    inner, outer = line.lan.listen(80), line.internet.listen(80)
    by_pppoe = asked(line, PPPOE, 8080)
    served, _ = inner.accept()
    by_mape = line.lan.connect(SERVERS[0], 80)
    accepted, peer = outer.accept()
    assert peer[0] == SHARED
    before = [one for one in line.rules() if SECOND not in one]
    reconnect(line, SECOND_NEXT)
    assert says(by_pppoe, served)
    assert says(served, by_pppoe)
    assert says(by_mape, accepted)
    assert says(accepted, by_mape)
    exchange(line.lan.listen(81), asked(line, SECOND_NEXT, 8081))
    assert [one for one in line.rules() if SECOND_NEXT not in one] == before
    assert line.settled()


def test_a_session_that_comes_back_with_the_address_that_the_other_had(bare):
    """A client outside that goes on sending reaches the server of this one, and is answered."""
    text = forward("pppoe") + forward("second", 8080, f"{CLIENT}:81")
    line = bare(config=TWO_SESSIONS + text.replace('"tcp"', '"udp"'))
    far = add_way(line, "ppp1", SECOND)
    line.apply()
    client = line.internet.udp(SERVERS[0], 5000)
    for inside in (80, 81):
        server = line.lan.udp(CLIENT, inside)
        client.sendto(b"asked", (PPPOE, 8080))
        server.sendto(b"answer", server.recvfrom(8)[1])
        assert client.recvfrom(8) == (b"answer", (PPPOE, 8080))
        line.router.ip("address flush dev ppp0\nlink set ppp0 down")
        line.event("ppp-down", PPP_IFACE="ppp0")
        line.router.ip(f"address flush dev ppp1\naddress add {PPPOE}/32 dev ppp1")
        line.internet.ip(f"route replace {PPPOE}/32 dev {far}")
        line.event("ppp-up", PPP_IFACE="ppp1")


def test_a_third_way_is_added_to_a_running_router(bare):
    """Put before the second into the file: not a packet of the others is lost."""
    line = bare(config=CONFIG.replace("[pppoe]\n", "[pppoe]\n") + forward("pppoe"))
    line.apply()
    inner, outer = line.lan.listen(80), line.internet.udp(SERVERS[0], 5000)
    by_pppoe = asked(line, PPPOE, 8080)
    served, _ = inner.accept()
    asking = line.lan.udp(CLIENT, 5000)
    asking.sendto(b"0", (SERVERS[0], 5000))
    peer = outer.recvfrom(8)[1]
    add_way(line, "ppp1", SECOND)
    changed = TWO_SESSIONS + WITH_FIXED + forward("pppoe") + forward("second", 8081, f"{CLIENT}:81")
    line.config.write_text(changed)
    running = line.start(
        "import sys; from dualwan.cli import main; sys.exit(main(sys.argv[1:]))",
        *(word for name in BY_NAME for word in ("--slice", name)),
    )
    sent = 1
    while running.poll() is None or sent < 50:
        asking.sendto(str(sent).encode(), (SERVERS[0], 5000))
        assert outer.recvfrom(8) == (str(sent).encode(), peer)
        assert says(by_pppoe, served)
        sent += 1
    assert running.returncode == 0
    assert says(served, by_pppoe)
    exchange(line.lan.listen(81), asked(line, SECOND, 8081))


def test_a_flow_of_a_session_that_is_taken_out_takes_another_way(bare):
    """The host that goes on sending is heard again: what it had would carry nothing any more."""
    by_second = f'[[policy]]\nway = "second"\nsource = ["{CLIENT}"]\n'
    line = bare(config=TWO_SESSIONS + by_second)
    add_way(line, "ppp1", SECOND)
    line.apply()
    server, sender = line.internet.udp(SERVERS[0], 5000), line.lan.udp(CLIENT, 5000)
    sender.sendto(b"0", (SERVERS[0], 5000))
    assert server.recvfrom(8)[1][0] == SECOND
    line.config.write_text(CONFIG)
    line.apply()
    sender.sendto(b"1", (SERVERS[0], 5000))
    assert server.recvfrom(8)[1][0] == SHARED


# --- MAP-E and a fixed address -----------------------------------------------------------------


@pytest.fixture(name="fixed")
def _fixed(bare):
    """Return a line with a fixed address beside MAP-E, failover, and a server on it."""
    text = FAILOVER + WITH_FIXED + forward("fixed", 8443, f"{CLIENT}:443")
    line = bare(config=text)
    line.router.run("ip", "link", "del", "ppp0")  # a line of 10 Gbit/s has no PPPoE
    far = add_way(line, "fixed0", FIXED)
    with_tunnel_routes(line)
    line.apply()
    return line, far


def test_a_server_on_the_fixed_address_answers_by_it(fixed):
    """The mark of the connection leads the answers past MAP-E, the default way."""
    line, far = fixed
    by_fixed, by_mape = line.internet.sniff(far), line.internet.sniff("mape")
    server = line.lan.listen(443)
    assert exchange(server, asked(line, FIXED, 8443))[0] == SERVERS[0]
    assert FIXED in by_fixed.sources()
    assert by_mape.sources() & {FIXED, SHARED, CLIENT} == set()
    with pytest.raises(TimeoutError):
        asked(line, SHARED, 8443)


def test_a_lan_host_reaches_that_server_too(fixed):
    """By the fixed address, with which the server sees it."""
    line, _ = fixed
    server = line.lan.listen(443)
    assert exchange(server, line.lan.connect(FIXED, 8443))[0] == FIXED


def test_the_routers_services_are_on_the_fixed_address(fixed):
    """The answer of its own socket goes by the rule for its source; the shared one is shut."""
    line, far = fixed
    server, tap = line.router.listen(80), line.internet.sniff(far)
    client = asked(line, FIXED, 80)
    server.accept()[0].sendall(b"hello")
    assert client.recv(5) == b"hello"
    assert FIXED in tap.sources()
    with pytest.raises(TimeoutError):
        asked(line, SHARED, 80)


def test_the_fixed_address_stands_in_for_mape(fixed):
    """New connections take it, with its address; those of MAP-E are reset, and none leaks."""
    line, far = fixed
    server = line.internet.listen(80)
    client = line.lan.connect(SERVERS[0], 80)
    _, peer = server.accept()
    assert peer[0] == SHARED
    tap = line.internet.sniff(far)
    line.router.ip("route del default dev mape0")
    client.sendall(b"late")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    kept = line.lan.connect(SERVERS[0], 80)
    accepted, peer = server.accept()
    assert peer[0] == FIXED
    line.router.ip("route add default dev mape0")
    assert says(kept, accepted)
    line.lan.connect(SERVERS[0], 80)
    assert server.accept()[1][0] == SHARED
    assert tap.sources() & {SHARED, CLIENT, ROUTER} == set()


def test_all_ports_of_the_fixed_address_are_used(fixed):
    """A source port of the LAN stays as it is, also one outside the set of the shared address."""
    line, _ = fixed
    server = line.internet.udp(SERVERS[0], 5000)
    client = line.lan.udp(CLIENT, 61000)
    line.router.ip("route del default dev mape0")
    client.sendto(b"x", (SERVERS[0], 5000))
    assert server.recvfrom(8)[1] == (FIXED, 61000)


def test_nothing_leaves_by_it_with_another_address(fixed):
    """What is translated to the shared address, or not at all, is dropped and counted."""
    line, far = fixed
    tap = line.internet.sniff(far)
    line.router.ip(f"route add {SERVERS[2]}/32 dev fixed0")
    sender = line.router.udp(SHARED, 1040)
    sender.sendto(b"x", (SERVERS[2], 123))
    until(lambda: line.untranslated() == 1)
    assert tap.sources() & {SHARED} == set()

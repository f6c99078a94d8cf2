"""DS-Lite beside MAP-E and PPPoE, with real packets: the other end translates what it carries."""

import pytest
from further import add_way, asked
from line import CLIENT, CONFIG, PPPOE, SERVERS, SHARED
from scenes import exchange, forward, from_lan
from space import until

LITE = "192.0.0.2"
BESIDE = CONFIG.replace("[lan]", "failover = true\n[lan]") + (
    '[way.lite]\ntype = "ds-lite"\naftr = "2001:db8:ffff::64"\n'
)
BY_LITE = f'[[policy]]\nway = "lite"\nfallback = "none"\nsource = ["{CLIENT}"]\nport = 443\n'


@pytest.fixture(name="line")
def _line(bare):
    """Return a line with a veth as the tunnel, which stands in as the tunnel slice makes it."""
    line = bare(config=BESIDE + BY_LITE + forward("pppoe"))
    line.far = add_way(line, "lite0", LITE)
    line.router.ip("""
        address add 2001:db8:9::2/64 dev wan0 nodad
        route add default dev lite0 table 102
        route add default dev lite0 metric 2049
    """)
    line.internet.ip(f"route add {CLIENT}/32 via {LITE} dev {line.far} onlink")
    line.apply()
    return line


def test_a_policy_takes_it_untranslated(line):
    """The AFTR sees the address of the host; the rest of the LAN's goes by MAP-E."""
    with line.internet.listen(443) as server:
        assert exchange(server, from_lan(line, SERVERS[0], 443))[0] == CLIENT
    with line.internet.listen(80) as server:
        assert exchange(server, from_lan(line, SERVERS[0], 80))[0] == SHARED


def test_it_stands_in_for_mape_and_a_flow_of_mape_begins_anew(line):
    """What was translated to the shared address is reset, and does not leave by it."""
    line.router.ip("link del ppp0")
    line.apply()
    server = line.internet.listen(80)
    client = from_lan(line, SERVERS[0], 80)
    seen, _accepted = exchange(server, client)
    assert seen == SHARED
    tap = line.internet.sniff(line.far)
    line.router.ip("route del default dev mape0")
    client.sendall(b"late")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert exchange(server, from_lan(line, SERVERS[0], 80))[0] == CLIENT
    assert SHARED not in tap.sources()


def test_an_answer_of_a_lost_session_does_not_leave_by_it(line):
    """It has the session's address by then, which the AFTR does not know: dropped, and counted."""
    server = line.lan.listen(80)
    outside = asked(line, PPPOE, 8080)
    accepted, _ = server.accept()
    tap = line.internet.sniff(line.far)
    line.router.ip("link del ppp0\nroute del default dev mape0")
    line.apply()
    accepted.sendall(b"late")
    until(lambda: line.untranslated() >= 1)
    assert PPPOE not in tap.sources()
    assert outside

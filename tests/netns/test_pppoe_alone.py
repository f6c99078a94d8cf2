"""PPPoE goes on while MAP-E has no tunnel, and main no default route."""

import pytest
from line import CLIENT, CONFIG, PPPOE, SERVERS
from scenes import NEIGHBOUR, exchange, forward

CHOSEN = CONFIG.replace("[mape]", f'via-pppoe = ["{CLIENT}"]\n[mape]')


@pytest.fixture(name="alone", params=["1", "2"])
def _alone(made, request):
    """Return a line whose tunnel is gone; the kernel gives each new device ``rp_filter``."""
    line = made(forward("pppoe", 8080, f"{NEIGHBOUR}:80"), config=CHOSEN)
    line.router.sysctl("net/ipv4/conf/ppp0/rp_filter", request.param)
    line.router.run("ip", "link", "delete", "mape0")
    line.event("ppp-up", PPP_IFACE="ppp0")
    assert line.router.run("ip", "route", "show", "default") == ""
    return line


def test_a_server_behind_the_router_answers(alone):
    """The way back to a stranger is not looked for with the LAN address of the server."""
    server = alone.lan.listen(80, NEIGHBOUR)
    exchange(server, alone.internet.connect(PPPOE, 8080, timeout=2))


def test_a_host_that_takes_pppoe_is_answered(alone):
    """Nor is it for the answers to a LAN host."""
    server = alone.internet.listen(80)
    seen, _ = exchange(server, alone.lan.connect(SERVERS[0], 80, timeout=2))
    assert seen == PPPOE

"""Two routers: conntrackd believes whoever can send to it, so only the cable leads to it."""

import re
import socket
from contextlib import ExitStack, closing

import pytest
from programs import environment, program
from space import until
from two_routers import Routers

FIRST, SECOND = "10.255.0.1", "10.255.0.2"  # of sync0


@pytest.fixture(name="routers")
def _routers(tmp_path):
    """Return two routers with conntrackd; a LAN host has the address of the first one's sync0."""
    with ExitStack() as stack:
        made = stack.enter_context(closing(Routers(tmp_path)))
        for one in made.both:
            one.ifup()
            stack.enter_context(one.conntrackd())
        made.lan.ip(f"""
            address add {FIRST}/32 dev lo
            route add {SECOND}/32 via 192.168.1.3
        """)
        yield made


def malformed(router):
    """Return how many messages conntrackd of ROUTER has had that are none."""
    argv = [program("conntrackd"), "-C", router.conntrackd_conf, "-s", "network"]
    said = router.space.run(*argv, env=environment(argv[0]))
    return int(re.search(r"Malformed messages:\s+(\d+)", said)[1])


def say(space, source):
    """Send what is no message to conntrackd of the second router, from SOURCE."""
    with closing(space.open_socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        if source:
            sender.bind((source, 0))
        sender.sendto(b"x" * 40, (SECOND, 3780))


def test_a_host_of_the_lan_does_not_reach_it(routers):
    """Neither in the other router's name nor in its own; by the cable it is reached."""
    for source in (FIRST, ""):
        say(routers.lan, source)
    say(routers.first.space, FIRST)
    assert until(lambda: malformed(routers.second))
    assert malformed(routers.second) == 1

"""The owner's own commands on a line that is up: down, and apply again."""

from __future__ import annotations

import pytest
from guest import product, router, snapshot, traffic
from guest.addresses import FIRST_PPPOE_ADDRESS, INTERNET_HOST, MAPE_ADDRESS
from guest.line import Line
from guest.monitor import DefaultRouteWatch
from guest.snapshot import Snapshot


@pytest.mark.usefixtures("internet")
def test_apply_on_a_line_with_a_default_route_keeps_the_route(up: Snapshot, line: Line) -> None:
    """`dualwan-hook` switches forwarding on while the announced default route is in use.

    With accept_ra 1, as an owner may have it, the kernel would throw the route away.
    """
    done = product.run("down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert snapshot.ours() == []
    line.router.sysctl(ipv6__conf__wan0__accept_ra=1)
    with DefaultRouteWatch(line.router) as watch:
        done = product.run()
        assert done.returncode == 0, done.stdout + done.stderr
    assert watch.deleted() == []
    assert line.router.run("ip", "-6", "route", "show", "default")
    assert line.router.run("sysctl", "-n", "net.ipv6.conf.all.forwarding").strip() == "1"
    assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
    product.run("down")
    accept_ra = line.router.run("sysctl", "-n", "net.ipv6.conf.wan0.accept_ra").strip()
    line.router.sysctl(ipv6__conf__wan0__accept_ra=2)  # as ifupdown had it
    router.forget_stamps()
    product.run()
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)  # it dials, and the next test finds all in place
    assert accept_ra == "1", "down puts back what was there"
    assert snapshot.of_somebody_else(snapshot.take()) == snapshot.of_somebody_else(up)

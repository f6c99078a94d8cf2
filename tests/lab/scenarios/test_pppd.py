"""pppd as people have it: its options, its other starters, another pppd, a pretender."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from guest import command, peers, product, router, traffic, waiting
from guest.addresses import (
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    MAPE_ADDRESS,
    PPP,
    PPPOE_PEER,
    SECOND_PPPOE_ADDRESS,
    TUNNEL,
    WAN,
)
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet", "installed")

SERVICE = "flets"
STARTERS = {
    "pon": ("pon", PPPOE_PEER),
    "updetach": ("pppd", "updetach", "call", PPPOE_PEER),
    "a service": (
        *("systemd-run", "--quiet", f"--unit={SERVICE}"),
        *("/usr/sbin/pppd", "nodetach", "call", PPPOE_PEER),
    ),
    "by file": ("pppd", "file", f"/etc/ppp/peers/{PPPOE_PEER}"),
}


@pytest.fixture(autouse=True)
def _from_down(line: Line) -> Iterator[None]:
    """Begin and end with the WAN down and the provider's PPPoE at its first address."""
    if product.wan_is_up():
        product.take_down()
    line.isp.reconnect(FIRST_PPPOE_ADDRESS)
    product.configure()
    yield
    if product.wan_is_up():
        command.run(["ifdown", WAN], limit=120)
    waiting.until(lambda: not peers.device_of(FIRST_PPPOE_ADDRESS), "the end of PPPoE", 20)


def _default_device() -> str:
    """The interface by which the router sends to the internet."""
    return command.run(["ip", "route", "get", INTERNET_HOST]).split(" dev ")[1].split()[0]


def _answers(line: Line, address: str, limit: float) -> None:
    """A server of the router answers a caller from the internet."""
    with Servers(line.router, tcp=(80,)):
        traffic.ask_tcp_within(line.internet, address, 80, limit)


# --- the default route ---------------------------------------------------------------------------


def test_mape_keeps_the_default_route(line: Line, answer_limit: float) -> None:
    """With replacedefaultroute, after the connect and after each reconnect; both ways carry."""
    with peers.options("defaultroute", "replacedefaultroute", without="nodefaultroute") as lines:
        product.bring_up()
        for address in (FIRST_PPPOE_ADDRESS, SECOND_PPPOE_ADDRESS):
            if address != FIRST_PPPOE_ADDRESS:
                router.forget_stamps()
                line.isp.reconnect(address)
                router.wait_for_hooks(address)
            waiting.until(lambda: _default_device() == TUNNEL, "MAP-E's default", answer_limit)
            assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
            _answers(line, address, answer_limit)
        said = product.run("status").stdout
        place = f"{peers.OWN}:{lines['replacedefaultroute']}"
        assert f"{place}: replacedefaultroute, with defaultroute in {peers.OWN}" in said
        assert product.run("--dry-run", "--exit-code").returncode == 0
    product.take_down()
    assert command.run(["ip", "route", "show", "default"]) == ""


# --- whose session it is -------------------------------------------------------------------------


def test_our_session_works_beside_another_on_its_interface(line: Line, answer_limit: float) -> None:
    """Another pppd has ppp0: ours works on ppp1, and nothing is offered on the other."""
    with peers.other_session() as other:
        assert other == PPP
        product.bring_up()
        ours = peers.device_of(FIRST_PPPOE_ADDRESS)
        assert ours != PPP
        _answers(line, FIRST_PPPOE_ADDRESS, answer_limit)
        with Servers(line.router, tcp=(80,)):
            found = traffic.try_ports(line.isp.space, peers.OTHER_ADDRESS, (22, 80, 443))
        assert set(found.values()) == {"silent"}
        assert traffic.ask_tcp(line.client, INTERNET_HOST).address == MAPE_ADDRESS
        said = product.run("status").stdout
        assert f"PPPoE    {ours} up, {FIRST_PPPOE_ADDRESS}" in said
        assert f"{PPPOE_PEER} is on {ours}, not on {PPP}" in said
        assert f"peer {peers.OTHER}" in said
        command.run(["ifdown", WAN], limit=120)
        assert peers.pppds() == []
        assert peers.device_of(peers.OTHER_ADDRESS) == PPP, "the other goes on"
    product.bring_up()
    assert peers.device_of(FIRST_PPPOE_ADDRESS) == PPP
    _answers(line, FIRST_PPPOE_ADDRESS, answer_limit)


def test_another_session_that_takes_the_name_is_closed(line: Line) -> None:
    """It comes up while ours is away: what was open on ppp0 is shut by its own event."""
    product.bring_up()
    line.isp.cut_pppoe()
    waiting.until(lambda: not router.addresses(PPP), "the end of ours", 30)
    with peers.other_session() as other:
        with Servers(line.router, tcp=(80,)):
            found = traffic.try_ports(line.isp.space, peers.OTHER_ADDRESS, (22, 80, 443))
        if other == PPP:
            assert f"{PPP} (pppoe.interface) is another pppd's" in product.run("status").stdout
        assert set(found.values()) == {"silent"}
        line.isp.open_pppoe(FIRST_PPPOE_ADDRESS)


# --- one pppd, however it was started ------------------------------------------------------------


@pytest.mark.parametrize("how", STARTERS)
def test_a_pppd_of_the_peer_is_used_and_hung_up_however_it_was_started(
    line: Line, how: str, answer_limit: float
) -> None:
    """It is not dialled again, its session works, and ifdown ends it."""
    command.run(["ip", "link", "set", WAN, "up"])
    router.forget_stamps()
    command.run(list(STARTERS[how]))
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS)
    command.run(["ifup", WAN], limit=120)
    assert len(peers.pppds()) == 1
    _answers(line, FIRST_PPPOE_ADDRESS, answer_limit)
    command.run(["ifdown", WAN], limit=120)
    assert peers.pppds() == []
    if how == "a service":
        state = command.attempt(["systemctl", "is-active", SERVICE]).stdout.strip()
        command.attempt(["systemctl", "reset-failed", SERVICE])
        assert state in {"inactive", "failed"}


@pytest.mark.parametrize("option", ["updetach", "nodetach"])
def test_a_peer_that_keeps_pon_from_returning_is_dialled(line: Line, option: str) -> None:
    """Ifup goes on, and the session lives longer than any wait for pon."""
    with peers.options(option):
        product.bring_up()
        assert len(peers.pppds()) == 1
        waiting.until(lambda: FIRST_PPPOE_ADDRESS in router.addresses(PPP), "PPPoE after ifup", 1)
        with Servers(line.router, tcp=(80,)):
            traffic.ask_tcp_within(line.internet, FIRST_PPPOE_ADDRESS, 80, 20)
        product.take_down()


def test_of_two_pppds_one_is_left_and_the_second_starter_is_named(
    line: Line, answer_limit: float
) -> None:
    """A stanza as pppoeconf writes it, beside dial = true."""
    before = router.INTERFACES.read_text()
    stanza = f"auto {PPPOE_PEER}\niface {PPPOE_PEER} inet ppp\n    provider {PPPOE_PEER}\n"
    router.INTERFACES.write_text(before + stanza)
    number = (before + stanza).splitlines().index(f"iface {PPPOE_PEER} inet ppp") + 1
    try:
        product.bring_up()
        command.run(["ifup", PPPOE_PEER], limit=120)
        assert len(peers.pppds()) == 2
        assert f"{router.INTERFACES}:{number}: the stanza" in product.run("check").stdout
        assert f"{router.INTERFACES}:{number}: the stanza" in product.run("status").stdout
        command.run([product.COMMAND], limit=120)
        _ends_with_one()
        _answers(line, FIRST_PPPOE_ADDRESS, answer_limit)
        assert "ended a second pppd" in product.journal()
    finally:
        command.attempt(["ifdown", PPPOE_PEER], limit=120)
        router.INTERFACES.write_text(before)


def _ends_with_one() -> None:
    """Wait until the second pppd has ended after its signal."""
    waiting.until_ended(peers.pppds, 1, 20)


def test_a_users_process_does_not_keep_pppoe_from_being_dialled(
    line: Line, answer_limit: float
) -> None:
    """It calls itself pppd, and is not taken for it; nor is it ended."""
    with peers.pretender():
        product.bring_up()
        assert len(peers.pppds()) == 1
        _answers(line, FIRST_PPPOE_ADDRESS, answer_limit)
        product.take_down()

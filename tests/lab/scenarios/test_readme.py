"""A router whose owner has nothing but the README, and types what stands there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest
from guest import command, old_scripts, peers, product, readme, router, traffic, waiting
from guest.addresses import (
    CE,
    FIRST_PPPOE_ADDRESS,
    INTERNET_HOST,
    LAN,
    LAN_ADDRESS,
    LAN_PREFIX_LENGTH,
    MAPE_ADDRESS,
    PORT_SET,
    TUNNEL,
    WAN,
)
from guest.line import Line
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet")

LIMIT_SECONDS = 90
# As an installation leaves them: nothing but the LAN, and pppoeconf's way out by PPPoE.
WITHOUT_WAN = f"""\
auto lo
iface lo inet loopback

auto {LAN}
iface {LAN} inet static
    address {LAN_ADDRESS}/{LAN_PREFIX_LENGTH}
"""
OF_PPPOECONF = "defaultroute\nreplacedefaultroute\n"  # which the README has people remove


@pytest.fixture(name="bare")
def _bare(line: Line) -> Iterator[None]:
    """A Debian router without the package, whose WAN hears the line; as it was, afterwards."""
    assert line
    interfaces, peer = router.INTERFACES.read_text(), peers.OWN.read_text()
    router.INTERFACES.write_text(WITHOUT_WAN)
    router.forget_stamps()
    command.run(["ip", "link", "set", WAN, "up"])
    waiting.until(lambda: router.has_address(WAN, "2400:4050:"), "the prefix", LIMIT_SECONDS)
    yield
    command.run(["ifdown", WAN])
    if product.is_installed():
        product.apt("purge", "dualwan-hook")
    shutil.rmtree(product.CONFIG.parent, ignore_errors=True)
    router.INTERFACES.write_text(interfaces)
    peers.OWN.write_text(peer)
    router.wait_for_no_ppp()


def both_ways_work(line: Line, tunnel: str = TUNNEL) -> None:
    """The LAN has the internet by MAP-E, and the internet the router's server by PPPoE."""
    waiting.until(lambda: router.addresses(tunnel), "the tunnel", LIMIT_SECONDS)
    router.wait_for_hooks(FIRST_PPPOE_ADDRESS, LIMIT_SECONDS)
    seen = traffic.ask_tcp(line.client, INTERNET_HOST)
    assert seen.address == MAPE_ADDRESS
    assert seen.port in PORT_SET
    with Servers(line.router, tcp=(80,)):
        traffic.ask_tcp(line.internet, FIRST_PPPOE_ADDRESS, 80)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(("document", "asked"), [("README.md", True), ("README.ja.md", False)])
def test_from_nothing_to_both_ways(line: Line, document: str, *, asked: bool) -> None:
    """The commands in order, and the two edits that it asks for; with questions, and without."""
    owners = peers.OWN.read_text()
    peers.OWN.write_text(owners.replace("nodefaultroute\n", OF_PPPOECONF))
    found = readme.blocks(document, readme.INSTALLATION)
    install, dialogue, options, *rest = readme.commands(found)
    assert dialogue == "dualwan-hook init"
    assert options.startswith(dialogue)
    readme.typed(install)
    if asked:
        readme.typed(dialogue, answers=["", "", "", "", "y"])
    else:
        readme.typed(options)
    peers.OWN.write_text(owners.replace("nodefaultroute\n", ""))
    router.INTERFACES.write_text(f"{WITHOUT_WAN}\n{readme.stanza(found)}")
    for words in rest:
        readme.typed(words)
    both_ways_work(line)
    nothing_is_left_to_do()


def nothing_is_left_to_do() -> None:
    """Neither `doctor` nor the plan has anything to say."""
    assert product.run("doctor").stdout == ""
    assert product.run("--dry-run", "--exit-code").returncode == 0


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("document", ["README.md", "README.ja.md"])
def test_from_the_scripts_to_both_ways(line: Line, document: str) -> None:
    """The commands in order, while mape.sh and pppoe.sh carry the line until they are stopped."""
    with old_scripts.running():
        _scripts_work(line)
        product.install()
        look, take_over, *stops, plan, apply = readme.commands(
            readme.blocks(document, readme.TAKING_OVER)
        )
        seen = readme.typed(look, answers=["", "", "", ""])
        assert CE in seen
        assert not product.CONFIG.exists()
        readme.typed(take_over, answers=["", "", "", "", "y"])
        _scripts_work(line)
        for words in (*stops, plan, apply):
            readme.typed(words)
        both_ways_work(line, old_scripts.TUNNEL)
        assert ".sh" not in re.sub("(?m)^#.*$", "", router.INTERFACES.read_text())
        nothing_is_left_to_do()


def _scripts_work(line: Line) -> None:
    """The router reaches the internet by MAP-E, and is reached by PPPoE."""
    assert traffic.ask_tcp(line.router, INTERNET_HOST, 80).address == MAPE_ADDRESS
    with Servers(line.router, tcp=(80,)):
        traffic.ask_tcp(line.internet, FIRST_PPPOE_ADDRESS, 80)

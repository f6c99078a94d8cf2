"""docs/your-lan, WireGuard and dynamic DNS: the router is found at whatever address PPPoE has.

Run after the owner has followed the pages, and once more after a reboot.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from guest import lan_host, own_scripts, router, traffic, your_lan
from guest.addresses import FIRST_PPPOE_ADDRESS, SECOND_PPPOE_ADDRESS
from guest.household import DYNDNS, limit
from guest.line import Line
from guest.provisioning import make_certificates
from guest.servers import Servers

pytestmark = pytest.mark.usefixtures("internet", "household")

PHONE, NAS, WEB = "192.168.9.2", "192.168.10.5", 8010
NETWORKS = ("192.168.9.0/24", "192.168.10.0/24")
RESOLV_CONF = Path("/etc/netns/inet/resolv.conf")
UNUSED = "2001:db8:53::53"  # the server would be a resolver too


@pytest.fixture(scope="module")
def phone(line: Line) -> Iterator[Line]:
    """A telephone somewhere in the internet, with the settings of the page."""
    key = line.router.run("wg", "show", "wg0", "public-key").strip()
    line.internet.ip("link add vpn type wireguard", f"address add {PHONE}/24 dev vpn")
    _call(line, FIRST_PPPOE_ADDRESS, "private-key", str(your_lan.PHONE_KEY), "peer", key)
    line.internet.ip("link set vpn mtu 1374 up", f"route add {NETWORKS[1]} dev vpn")
    RESOLV_CONF.parent.mkdir(parents=True, exist_ok=True)
    RESOLV_CONF.write_text("nameserver 192.168.10.1\n")
    yield line
    line.internet.ip("link del vpn")
    RESOLV_CONF.unlink()


def _call(line: Line, address: str, *words: str) -> None:
    known = words or ("peer", line.internet.run("wg", "show", "vpn", "peers").strip())
    allowed = ("allowed-ips", ",".join(NETWORKS), "endpoint", f"{address}:51820")
    line.internet.run("wg", "set", "vpn", *known, *allowed)


def _home_is_reached(line: Line) -> None:
    with Servers(line.client, tcp=(WEB,)):
        seen = traffic.ask_tcp_within(line.internet, NAS, WEB, limit())
    assert seen.address == PHONE


@pytest.fixture(scope="module")
def service(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The dynamic DNS service; yields its log."""
    folder = tmp_path_factory.mktemp("dyndns")
    shutil.copy(make_certificates(folder), your_lan.AUTHORITY)
    (folder / "txt").write_text("-")
    line.internet.ip(f"address replace {UNUSED}/128 dev lo nodad")
    program = (sys.executable, "-m", "guest.provisioning", str(folder), UNUSED, f"::ffff:{DYNDNS}")
    with subprocess.Popen(
        [*line.internet.prefix(), *program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    ) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        yield folder / "log"
        assert server.stdin
        server.stdin.close()


def test_the_telephone_is_at_home(phone: Line) -> None:
    """It reaches a host of the LAN as itself, and has the LAN's names."""
    _home_is_reached(phone)
    lan_host.wait_for_names(phone.internet, "nas.home.arpa", {NAS}, limit())


def test_another_address_of_pppoe(phone: Line, service: Path) -> None:
    """The service is told by PPPoE, of the address that asks; there the telephone finds home."""
    with own_scripts.Notes() as notes:
        router.forget_stamps()
        phone.isp.reconnect(SECOND_PPPOE_ADDRESS)
        notes.until("pppoe", SECOND_PPPOE_ADDRESS)  # its script comes after that of the page
        told = json.loads(service.read_text().splitlines()[-1])
        assert urlsplit(told["path"]).query == f"myip={SECOND_PPPOE_ADDRESS}"
        assert told["from"] == f"::ffff:{SECOND_PPPOE_ADDRESS}"
        assert told["login"].startswith("Basic ")
        _call(phone, SECOND_PPPOE_ADDRESS)
        _home_is_reached(phone)
        router.wait_for_hooks(SECOND_PPPOE_ADDRESS, limit())
        phone.isp.reconnect(FIRST_PPPOE_ADDRESS)
        notes.until("pppoe", FIRST_PPPOE_ADDRESS)

"""docs/your-lan: its files as the programs of Debian read them, and what a LAN host has of them."""

import subprocess
import time
from pathlib import Path

import pytest
from household import (
    DELEGATED,
    LAN,
    MANAGED,
    OTHER,
    PREFIX,
    RESOLVER,
    SETS,
    House,
    networkd_root,
)
from ifup import UNPACKED, is_installed
from programs import environment, program
from space import until

RENEWAL = 12  # seconds in which one of delegation.py's is due
DUID_LL = "duid=[00:03:00:01:"
ANSWERED = bytes.fromhex("81800001000100000000")  # flags, one question and one answer
QUESTION = bytes.fromhex("123401000001000000000000076578616d706c65036f72670000010001")
ANSWER = bytes.fromhex("c00c000100010000003c0004cb007105")  # 203.0.113.5


@pytest.fixture(name="house")
def _house(tmp_path):
    """Return a function that builds a house with a set of files."""
    built = []

    def build(used):
        built.append(House(tmp_path, used))
        return built[-1]

    yield build
    for one in built:
        one.close()


# --- as the programs read them -----------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(SETS.glob("*/dnsmasq*.conf")), ids=lambda path: path.name)
def test_dnsmasq_takes_its_files(path):
    """By its own check of the syntax."""
    name = program("dnsmasq")
    done = subprocess.run(
        [name, "--test", "-C", path],
        check=False,
        capture_output=True,
        text=True,
        env=environment(name),
    )
    assert (done.returncode, done.stderr) == (0, "dnsmasq: syntax check OK.\n")


@pytest.mark.parametrize(
    "path", sorted(SETS.glob("*/interfaces")), ids=lambda path: path.parent.name
)
def test_ifup_takes_its_files(path, house):
    """Its ifquery(8) shows both interfaces, and the WAN has a stanza for the hooks."""
    router = house(path.parent.name).router
    root = Path("/") if is_installed("ifupdown") else UNPACKED / "ifupdown"
    places = (root / place / "ifquery" for place in ("sbin", "usr/sbin"))  # Debian 12's, and 13's
    ifquery = next(path for path in places if path.exists())
    assert {"enp3s0"} <= {*router.run(ifquery, "-i", path, "--list").split()}
    assert "address: 192.168.1.1" in router.run(ifquery, "-i", path, "enp3s0")
    assert router.run(ifquery, "-i", path, "--list", "--allow", "hotplug").split() == ["enp1s0"]


def test_wg_quick_takes_its_file(tmp_path):
    """It leaves of it what wg(8) itself knows; a real key stands in place of each word."""
    key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
    text = (SETS / "wireguard/wg0.conf").read_text()
    assert text.count("REPLACE-BY-wg-") == 2
    path = tmp_path / "wg0.conf"
    path.write_text(text.replace("REPLACE-BY-wg-genkey", key).replace("REPLACE-BY-wg-pubkey", key))
    path.chmod(0o600)
    name = program("wg-quick")
    done = subprocess.run([name, "strip", path], check=True, capture_output=True, text=True)
    kept = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    assert kept == [
        "[Interface]",
        "ListenPort = 51820",
        "FwMark = 0x01000000",
        f"PrivateKey = {key}",
        "[Peer]",
        f"PublicKey = {key}",
        "AllowedIPs = 192.168.9.2/32",
    ]


def test_curl_takes_the_settings_of_dynamic_dns():
    """It gives up because of the protocol, after it has read them: 2 would be for a wrong one."""
    name = program("curl")
    command = [name, "-q", "--proto", "=file", "--config", SETS / "dyndns/ddns.curl"]
    done = subprocess.run(command, check=False, capture_output=True, env=environment(name))
    assert done.returncode == 1


# --- what a LAN host has of them ---------------------------------------------------------------


def test_the_only_64_of_a_line_is_the_lans_too(house):
    """The provider reaches a host by it, the host the provider, and another prefix takes over."""
    home = house("bare-64")
    home.up()
    home.dualwan("--slice", "firewall")
    with home.advertised(PREFIX):
        assert until(lambda: home.of_line(home.router, "enp1s0"))
        home.provider.ip(f"route add {PREFIX} dev wan")
        home.script("40-lan-prefix", PREFIX)
        home.run(home.router, "ndppd", "-c", home.used / "ndppd.conf")
        home.dnsmasq("bare-64/dnsmasq-ra.conf")
        assert until(lambda: home.of_line(home.host, "eth0"))
        host = home.of_line(home.host, "eth0")
        assert until(lambda: home.reaches(home.provider, host))
        assert until(lambda: home.reaches(home.host, RESOLVER))
        assert home.reaches(home.router, host)
    with home.advertised(OTHER):
        home.provider.ip(f"route add {OTHER} dev wan")
        home.script("40-lan-prefix", OTHER, event="address")
        assert until(lambda: home.of_line(home.host, "eth0", OTHER))
        host = home.of_line(home.host, "eth0", OTHER)
        assert until(lambda: home.reaches(home.provider, host))
        assert until(lambda: not home.of_line(home.host, "eth0")), "the old one is deprecated"
    assert not home.of_line(home.router, "enp3s0")
    assert (home.folder / "systemctl").read_text() == "restart ndppd\n" * 2


def delegated(home, log):
    """Assert that the LAN has the first /64 of what is delegated, and that its host is reached."""
    first = f"{DELEGATED}1"
    assert until(lambda: first in home.addresses(home.router, "enp3s0"), 20), log.read_text()
    assert DUID_LL in log.read_text()
    via = home.link_local(home.router, "enp1s0")
    home.provider.ip(f"route add {DELEGATED}/56 via {via} dev wan")
    assert until(lambda: home.of_line(home.host, "eth0"))
    assert until(lambda: home.reaches(home.provider, home.of_line(home.host, "eth0")))
    assert until(lambda: home.reaches(home.host, RESOLVER))
    assert '"prefix": "' + DELEGATED in home.dualwan("status", "--json")


def dhcpcd(home):
    """Run dhcpcd on the router with the set's file; return its log."""
    log = home.folder / "dhcpcd.log"
    home.run(
        home.router,
        # Its plugin for udev is not where an unpacked one looks for it.
        *("dhcpcd", "-B", "-d", "--nodev", "-f", home.used / "dhcpcd.conf", "-c", "/bin/true"),
        covers=home.covered("/var/lib/dhcpcd", "/run/dhcpcd"),
        log=log,
    )
    return log


def networkd(home):
    """Run networkd on the router with the set's files; return its log."""
    log = home.folder / "networkd.log"
    covers = networkd_root(home)
    told = {"SYS_READ_ONLY": "1", "SYSTEMD_LOG_TARGET": "console"}
    home.run(home.router, "systemd-networkd", covers=covers, log=log, **told)
    return log


def test_dhcpcd_gets_a_prefix_for_the_lan(house):
    """By DUID-LL, with an advertisement that has none; MAP-E follows from the LAN's address."""
    home = house("pd-dhcpcd")
    home.up()
    home.dualwan("--slice", "firewall")
    kea = home.kea()
    with home.advertised(flags=MANAGED):
        log = dhcpcd(home)
        home.dnsmasq("pd-dhcpcd/dnsmasq-ra.conf")
        delegated(home, kea)
    assert "unknown option" not in log.read_text()


def test_networkd_gets_a_prefix_for_the_lan(house):
    """The same by networkd; it knows every key of its files."""
    home = house("pd-networkd")
    home.up(by_hand=False)
    home.dualwan("--slice", "firewall")
    kea = home.kea()
    with home.advertised(flags=MANAGED):
        log = networkd(home)
        home.dnsmasq("pd-networkd/dnsmasq-ra.conf")
        delegated(home, kea)
    assert home.addresses(home.router, "enp3s0", "inet") == [LAN]
    assert not [word for word in ("Unknown", "Failed to parse") if word in log.read_text()]


@pytest.mark.parametrize(("used", "client"), [("pd-dhcpcd", dhcpcd), ("pd-networkd", networkd)])
def test_another_delegated_prefix_takes_over(house, used, client):
    """The line says at the next Renew that the one before has ended: the host leaves it at once."""
    home = house(used)
    home.up(by_hand=used == "pd-dhcpcd")
    home.dualwan("--slice", "firewall")
    with home.advertised(flags=MANAGED):
        client(home)
        home.dnsmasq(f"{used}/dnsmasq-ra.conf")
        with home.delegating(PREFIX):
            assert until(lambda: home.of_line(home.host, "eth0"), 20)
        with home.delegating(OTHER):
            assert until(lambda: home.of_line(home.host, "eth0", OTHER), 30)
            assert until(lambda: not home.of_line(home.host, "eth0"), 20)
            host = home.of_line(home.host, "eth0", OTHER)
            assert until(lambda: home.reaches(home.provider, host))


@pytest.mark.parametrize(("used", "client"), [("pd-dhcpcd", dhcpcd), ("pd-networkd", networkd)])
def test_the_lan_has_its_prefix_after_its_switch_was_off(house, used, client):
    """Address and route, through the renewals that follow."""
    home = house(used)
    home.up(by_hand=used == "pd-dhcpcd")
    with home.advertised(flags=MANAGED), home.delegating(PREFIX):
        client(home)
        assert until(lambda: home.of_line(home.router, "enp3s0"), 20)
        home.host.ip("link set eth0 down")
        assert until(lambda: "NO-CARRIER" in home.router.run("ip", "link", "show", "enp3s0"))
        time.sleep(1)  # until the client has heard of it
        home.host.ip("link set eth0 up")
        time.sleep(RENEWAL)
        assert home.of_line(home.router, "enp3s0")
        assert PREFIX in home.router.run("ip", "-6", "route", "show", "dev", "enp3s0")


@pytest.mark.parametrize("used", ["bare-64", "pd-dhcpcd"])
def test_the_router_takes_no_address_of_its_own_advertisements(house, used):
    """Forwarding nothing it would, and dnsmasq would announce that prefix after it has changed."""
    home = house(used)
    home.up()
    home.router.sysctl("net/ipv6/conf/all/forwarding", "0")
    own = PREFIX.replace("/64", "1")
    home.router.ip(f"address add {own}/64 dev enp3s0 nodad")
    home.dnsmasq(f"{used}/dnsmasq-ra.conf")
    assert until(lambda: home.of_line(home.host, "eth0"))
    assert home.addresses(home.router, "enp3s0") == [own]


def test_a_host_gets_an_address_and_its_names_are_asked_by_ipv6(house):
    """By dnsmasq, both; a question of the host comes to the resolver by IPv6."""
    home = house("bare-64")
    home.up()
    home.dualwan("--slice", "firewall")
    with home.advertised(PREFIX):
        assert until(lambda: home.of_line(home.router, "enp1s0"))
        home.provider.ip(f"route add {PREFIX} dev wan")
        home.dnsmasq("dns-dhcp/dnsmasq-lan.conf")
        home.run(
            home.host,
            *("dhcpcd", "-B", "-4", "-f", "/dev/null", "-c", "/bin/true", "eth0"),
            covers=home.covered("/var/lib/dhcpcd", "/run/dhcpcd"),
        )
        assert until(lambda: home.addresses(home.host, "eth0", "inet"), 20)
        resolver, host = home.asked(), home.host.udp()
        host.sendto(QUESTION, (LAN, 53))
        asked, sender = resolver.recvfrom(512)
        name = asked[12 : len(QUESTION)]
        resolver.sendto(asked[:2] + ANSWERED + name + ANSWER, sender)
        assert host.recv(512).endswith(ANSWER[-4:])

"""The programs that can run the router's network, with their settings as an owner writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from guest import command, router
from guest.addresses import LAN, LAN_ADDRESS, LAN_PREFIX_LENGTH, WAN

NOTE = Path("/var/lib/lab/manager")
PACKAGES = Path("/var/lib/lab/packages")
UNITS = Path("/etc/systemd/system")
_LAN = f"{LAN_ADDRESS}/{LAN_PREFIX_LENGTH}"

_LOOPBACK = """\
auto lo
iface lo inet loopback
"""
# One stanza that all relatives of ifupdown understand.
_STANZAS = f"""\
{_LOOPBACK}
auto {LAN}
iface {LAN} inet static
    address {_LAN}

auto {WAN}
iface {WAN} inet manual
"""
_NETWORKD = {
    "10-wan": f"[Match]\nName={WAN}\n[Network]\nDHCP=no\nIPv6AcceptRA=yes\n",
    "20-lan": f"[Match]\nName={LAN}\n[Network]\nAddress={_LAN}\nIPv6AcceptRA=no\n",
}
# By default NetworkManager does not manage veth, which the cables are here.
_MANAGED = """\
[device-lab]
match-device=interface-name:wan0,interface-name:lan0
managed=1
"""
_CONNECTION = """\
[connection]
id={name}
type=ethernet
interface-name={device}
[ipv4]
{ipv4}
[ipv6]
{ipv6}
"""
_CONNECTIONS = {
    "line": (WAN, "method=disabled", "method=auto\naddr-gen-mode=eui64\nip6-privacy=0"),
    "home": (LAN, f"method=manual\naddress1={_LAN}", "method=link-local"),
}
_DHCPCD = f"""\
duid
denyinterfaces {LAN}
interface {WAN}
    noipv4
"""


def running() -> str:
    """The program that runs the network since the last boot."""
    return NOTE.read_text().strip()


def hand_over(name: str) -> None:
    """Let the program ``name`` run the network from the next boot on, and none before it."""
    for unit in ("systemd-networkd.service", "systemd-networkd.socket"):
        command.attempt(["systemctl", "disable", unit])
    for unit in ("NetworkManager.service", "dhcpcd.service"):
        _mask(unit)
    _SETTINGS[name]()
    command.run(["systemctl", "daemon-reload"])
    NOTE.write_text(f"{name}\n")


def take_down() -> None:
    """Take the WAN down as its owner does."""
    command.run(_DOWN[running()], limit=120)


def bring_up() -> None:
    """Bring the WAN up again."""
    command.run(_UP[running()], limit=120)


def _relative(name: str) -> None:
    (package,) = PACKAGES.glob(f"{name}_*.deb")
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q")
    router.INTERFACES.write_text(_STANZAS)
    command.run([*apt, "-o", "Dpkg::Options::=--force-confold", "install", str(package)], limit=240)
    router.INTERFACES.write_text(_STANZAS)


def _networkmanager() -> None:
    router.INTERFACES.write_text(_LOOPBACK)
    etc = Path("/etc/NetworkManager")
    (etc / "conf.d/lab.conf").write_text(_MANAGED)
    for name, (device, ipv4, ipv6) in _CONNECTIONS.items():
        file = etc / "system-connections" / f"{name}.nmconnection"
        file.write_text(_CONNECTION.format(name=name, device=device, ipv4=ipv4, ipv6=ipv6))
        file.chmod(0o600)
    _unmask("NetworkManager.service")
    command.run(["systemctl", "enable", "NetworkManager.service"])


def _networkd() -> None:
    router.INTERFACES.write_text(_LOOPBACK)
    for name, text in _NETWORKD.items():
        Path(f"/etc/systemd/network/{name}.network").write_text(text)
    command.run(["systemctl", "enable", "systemd-networkd.service"])
    command.run(["systemctl", "disable", "systemd-networkd-wait-online.service"])
    command.run(["systemctl", "enable", "dualwan-watch.service"])


def _dhcpcd() -> None:
    (folder,) = Path("/etc").glob("dhcpcd.conf")
    folder.write_text(_DHCPCD)
    router.INTERFACES.write_text(_STANZAS)
    _unmask("dhcpcd.service")
    command.run(["systemctl", "enable", "dhcpcd.service"])


def _mask(unit: str) -> None:
    (UNITS / unit).unlink(missing_ok=True)
    (UNITS / unit).symlink_to("/dev/null")


def _unmask(unit: str) -> None:
    (UNITS / unit).unlink(missing_ok=True)


_SETTINGS: dict[str, Callable[[], None]] = {
    "ifupdown-ng": lambda: _relative("ifupdown-ng"),
    "ifupdown2": lambda: _relative("ifupdown2"),
    "NetworkManager": _networkmanager,
    "systemd-networkd": _networkd,
    "dhcpcd": _dhcpcd,
}
_DOWN = {
    "ifupdown-ng": ["ifdown", WAN],
    "ifupdown2": ["ifdown", WAN],
    "NetworkManager": ["nmcli", "--wait", "90", "connection", "down", "line"],
    "systemd-networkd": ["networkctl", "down", WAN],
    "dhcpcd": ["ifdown", WAN],
}
_UP = {
    "ifupdown-ng": ["ifup", WAN],
    "ifupdown2": ["ifup", WAN],
    "NetworkManager": ["nmcli", "--wait", "90", "connection", "up", "line"],
    "systemd-networkd": ["networkctl", "up", WAN],
    "dhcpcd": ["ifup", WAN],
}

"""The sets of docs/your-lan, where their pages put the files."""

from ipaddress import ip_interface
from pathlib import Path

from another_root import put

from dualwan.config import from_text
from dualwan.host.around import lan_files
from dualwan.model.surroundings import OwnAddress, Surroundings

SETS = Path(__file__).parents[2] / "docs/your-lan"
WAN, LAN = "enp1s0", "enp3s0"
PLACES = {
    "dnsmasq-ra.conf": "/etc/dnsmasq.d/ra.conf",
    "dnsmasq-lan.conf": "/etc/dnsmasq.d/lan.conf",
    "dhcpcd.conf": "/etc/dhcpcd.conf",
    "10-wan.network": "/etc/systemd/network/10-wan.network",
    "20-lan.network": "/etc/systemd/network/20-lan.network",
    "ndppd.conf": "/etc/ndppd.conf",
    "40-lan-prefix": "/etc/dualwan/hooks.d/40-lan-prefix",
}
ON_WAN = OwnAddress(WAN, ip_interface("2001:db8:0:100::1:1/64"))
ON_LAN = OwnAddress(LAN, ip_interface("2001:db8:0:200::1/64"))
OF_LINE = {"bare-64": (ON_WAN, ON_LAN), "pd-dhcpcd": (ON_LAN,), "pd-networkd": (ON_LAN,)}


def texts(name):
    """Return the files of a set, and of the one for names, by where they belong."""
    return {
        PLACES[path.name]: path.read_text()
        for folder in (name, "dns-dhcp")
        for path in (SETS / folder).iterdir()
        if path.name in PLACES
    }


def configuration(name, *changes):
    """Return the configuration of a set, where each of (OLD, NEW) is changed."""
    text = (SETS / name / "dualwan.toml").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return from_text("dualwan.toml", text, {})


def around(root, files, addresses=()):
    """Return the surroundings of a machine that has FILES below ROOT, and ADDRESSES."""
    return Surroundings(lan_files=lan_files.look(put(root, files)), addresses=addresses)

"""What the files of the programs that serve the LAN say about interfaces. Pure."""

from __future__ import annotations

from dualwan.frozen import NamedTuple

# Files, and folders of files, in the order in which they are read.
DNSMASQ_CONF, DNSMASQ_D = "/etc/dnsmasq.conf", "/etc/dnsmasq.d"
DHCPCD_CONF, NETWORK = "/etc/dhcpcd.conf", "/etc/systemd/network"
RADVD_CONF, NDPPD_CONF, SCRIPT = "/etc/radvd.conf", "/etc/ndppd.conf", "40-lan-prefix"
# What a line has its program do at the interface.
ANNOUNCES = "announces"  # sends router advertisements
SERVES = "serves"  # gives addresses or names, or looks for hosts
DELEGATES = "delegates"  # puts a part of the delegated prefix there
COPIES = "copies"  # puts the WAN's own prefix there
FACES = "faces"  # asks or answers the line
ANY = "*"  # the device of a line that may mean any interface


class LanLine(NamedTuple):
    """A line that names an interface.

    place: FILE:LINE. program: the unit of systemd that reads the file, or the name of a script of
    hooks.d. word: what stands before the name. does: one of those above. device: a name, a
    beginning with ``*`` after it, or ANY.
    """

    place: str
    program: str
    word: str
    does: str
    device: str


class LanFiles(NamedTuple):
    """The lines, in the order of the files.

    whole: whether these are all files that may announce a prefix, and were read to their ends.
    unproxied: FILE:LINE at which a script starts ndppd, which has no file; "" for none.
    """

    lines: tuple[LanLine, ...] = ()
    whole: bool = True
    unproxied: str = ""

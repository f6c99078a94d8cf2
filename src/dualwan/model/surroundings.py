"""The machine around the router, as far as findings need it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, IPv6Network
from typing import TYPE_CHECKING

from dualwan.frozen import NamedTuple, dataclass, field
from dualwan.model.lan_files import LanFiles
from dualwan.model.ppp_files import PppFiles

if TYPE_CHECKING:  # what only files say has none of these
    from dualwan.model.resources import RouteRule, Tunnel
    from dualwan.nft.foreign.chain import Chain

_LOCAL = IPv6Network("fc00::/7")  # no prefix of a line (RFC 4193)


class OwnAddress(NamedTuple):
    """An address of the router with its network, on a device.

    other: the far end's, of PPP. heard: whether the kernel made it of a router advertisement.
    """

    device: str
    interface: IPv4Interface | IPv6Interface
    other: IPv4Address | IPv6Address | None = None
    heard: bool = False

    @property
    def is_global_ipv6(self) -> bool:
        """Whether it is an IPv6 address that a line may have given."""
        return isinstance(self.interface, IPv6Interface) and self.interface.ip not in _LOCAL


class ScriptLine(NamedTuple):
    """A line of interfaces(5) that runs a shell script: file, line number, command."""

    path: str
    number: int
    command: str


class Traces(NamedTuple):
    """What shell scripts such as mape.sh and pppoe.sh leave, without objects of ours.

    tunnels: ip6tnl devices. chains: "TABLE CHAIN" of iptables, where TABLE is as in "ip nat" or
    "iptables-legacy nat". rules: IPv4 rules of other protocols than ours. lines: in interfaces(5).
    """

    tunnels: tuple[Tunnel, ...] = ()
    chains: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()
    lines: tuple[ScriptLine, ...] = ()


class DefaultRoute(NamedTuple):
    """A default route: its device, its gateway ("" for none) and its metric."""

    device: str
    gateway: str
    metric: int


class OwnScript(NamedTuple):
    """A script of hooks.d that is not run, or whose last run has failed.

    code: "failed", or of the reason why it is not run; reason, remedy: for a person. of: the
    notice at which it failed.
    """

    path: str
    code: str
    reason: str
    remedy: str = ""
    of: str = ""


KEEPALIVED = "/etc/keepalived/keepalived.conf"


class Pair(NamedTuple):
    """The programs that one of two routers needs.

    told: the roles for which keepalived calls `dualwan-hook role`; None without its file.
    keepalived: whether it runs. conntrackd: whether it runs, or is not set up.
    """

    told: tuple[str, ...] | None = ()
    keepalived: bool = True
    conntrackd: bool = True


@dataclass(frozen=True)
class Surroundings:
    """What other programs and people have put beside this program.

    shadowing: executable files that pppd runs instead of a folder of hooks.
    addresses: the router's, but for those of loopback and of a link.
    unnamed: packets of the last day that our firewall dropped, by the device they came from,
    because no section of the configuration named it; only devices that exist, and none of a
    session of ours.
    floods: packets of the last day that our firewall dropped, by the link address of the LAN device
    that began too many flows, or by interface.
    chains: of other programs, each table that has a base chain.
    bridges: the WAN, if it is a bridge whose frames netfilter sees.
    rp_filter_all: net.ipv4.conf.all.rp_filter, "" if that was not read.
    ppp: what the files say of the PPP peer. further_ppp: the same of the peers of further ways.
    traces: of shell scripts.
    other_names: of devices, in the configuration, each with the device's own name.
    managers: the program that manages a device, by device.
    wan_stanza: FILE:LINE of the WAN's stanza of interfaces(5), "" for none.
    ipv6_defaults: the IPv6 default routes of the main table.
    wan_networks: those that the main table routes to the WAN by IPv6, but for default routes.
    internet_by: the devices by which the machine would send to hosts of the IPv4 internet;
    ipv6_internet_by: of the IPv6 internet.
    networkd_foreign: settings by which systemd-networkd removes what it does not know.
    own_scripts: those of hooks.d that are not run, or have failed.
    pair: the programs of one of two routers; None where there is no other one.
    lan_files: what the programs that serve the LAN are told; nothing at an event.
    flowtables: whether the kernel takes a flowtable; True too where none is wanted.
    unprobed: seconds since the last probe of a default way that counts as broken, else None.
    unseen: sentences about what only root may see.
    """

    shadowing: tuple[str, ...] = ()
    addresses: tuple[OwnAddress, ...] = ()
    unnamed: Mapping[str, int] = field(default_factory=dict)
    floods: Mapping[str, int] = field(default_factory=dict)
    chains: tuple[Chain, ...] = ()
    bridges: tuple[str, ...] = ()
    rp_filter_all: str = ""
    ppp: PppFiles = field(default_factory=PppFiles)
    further_ppp: Mapping[str, PppFiles] = field(default_factory=dict)
    traces: Traces = field(default_factory=Traces)
    other_names: Mapping[str, str] = field(default_factory=dict)
    managers: Mapping[str, str] = field(default_factory=dict)
    wan_stanza: str = ""
    ipv6_defaults: tuple[DefaultRoute, ...] = ()
    wan_networks: tuple[IPv6Interface, ...] = ()
    internet_by: tuple[str, ...] = ()
    ipv6_internet_by: tuple[str, ...] = ()
    networkd_foreign: tuple[str, ...] = ()
    own_scripts: tuple[OwnScript, ...] = ()
    pair: Pair | None = None
    lan_files: LanFiles = LanFiles()
    flowtables: bool = True
    unprobed: float | None = None
    unseen: tuple[str, ...] = ()

    def ppp_of(self, way: str) -> PppFiles:
        """Return what the files say of the peer of a PPP session, by the name of its way."""
        return self.further_ppp.get(way, self.ppp)

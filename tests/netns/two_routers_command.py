"""dualwan-hook on one of two routers, with what the machine may not have stood in for.

A VXLAN between CE and border relay is the tunnel, which many kernels do not have: it also goes
where the neighbours say that the CE is. A file is the pppd. conntrackd's program and file are those
of the environment.
"""

import os
import subprocess
import sys
from pathlib import Path

from line import SERVERS
from router_of_two import BR, CE, NAME
from two_routers import FAR_MAC, INNER_MAC

from dualwan import cli
from dualwan.frozen import replace
from dualwan.host import conntrackd, kernel, netlink, netlink_changes
from dualwan.host import program as own_program
from dualwan.host.kernel import KernelHost
from dualwan.model.resources import Tunnel
from dualwan.slices import firewall


def _kind(message):
    return "ip6tnl" if message.get_attr("IFLA_IFNAME") == NAME else ""


def _tunnel(name, message, _name_of):
    up = bool(message["flags"] & netlink.IFF_UP)
    return Tunnel(name, CE, BR, "wan0", message.get_attr("IFLA_MTU"), up=up)


def _ip(words):
    subprocess.run(["ip", "-batch", "-"], input=words, text=True, check=True)


def _set_tunnel(_netlink, tunnel):
    if not Path("/proc/sys/net/ipv4/conf", NAME).exists():
        _ip(
            f"link add {NAME} address {INNER_MAC} type vxlan id 4 local {CE} remote {BR} "
            "dstport 4789 dev wan0"
        )
    _ip(
        f"link set {NAME} mtu {tunnel.mtu} up\n"
        + "".join(
            f"neigh replace {server} lladdr {FAR_MAC} dev {NAME} nud permanent\n"
            for server in SERVERS
        )
    )


def _with_vxlan(chains):
    """Return what makes chains that let VXLAN through where IPIP would be."""
    return lambda ways: [
        replace(
            one,
            lines=tuple(
                str(rule).replace("meta l4proto 4", "udp dport 4789") for rule in one.lines
            ),
        )
        for one in chains(ways)
    ]


class _Host(KernelHost):
    """The machine, where a file is the pppd."""

    def dial(self, peer, _key):
        path, was = Path(os.environ["TEST_DIALLED"]), self.runs(peer)
        path.touch()
        return not was

    def runs(self, _peer):
        return Path(os.environ["TEST_DIALLED"]).exists()

    def hang_up(self, peer, _seconds):
        was = self.runs(peer)
        Path(os.environ["TEST_DIALLED"]).unlink(missing_ok=True)
        return was


def stand_in():
    """Let what the machine may not have be stood in for."""
    vars(netlink).update(_kind=_kind, _tunnel=_tunnel)
    netlink_changes.NetlinkChanges.set_tunnel = _set_tunnel
    own = vars(firewall)
    for name in ("_from_wan", "_to_wan"):
        own[name] = _with_vxlan(own[name])
    kernel.KernelHost = _Host
    conntrackd.PROGRAM = os.environ["TEST_CONNTRACKD"]
    conntrackd.CONFIG = os.environ.get("TEST_CONNTRACKD_CONF", "/none")
    own_program.ENVIRONMENT["LD_LIBRARY_PATH"] = os.environ["TEST_LIBRARIES"]


if __name__ == "__main__":
    stand_in()
    sys.exit(cli.main())

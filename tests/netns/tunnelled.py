"""dualwan-hook where a veth stands in for the tunnel: many kernels have no ip6_tunnel.

Run as a program it is the command, with these arguments. What the kernel is asked for and what
it shows of the tunnel is a veth of that name; all else is as ever.
"""

import subprocess
import sys
from pathlib import Path

from line import CONFIG, Line

from dualwan import cli
from dualwan.config import from_text
from dualwan.host import netlink, netlink_changes
from dualwan.model.resources import Tunnel

NAME, FAR = "mape0", "far-mape0"
MANUAL = from_text("dualwan.toml", CONFIG).mape.manual


def _kind(message):
    return "ip6tnl" if message.get_attr("IFLA_IFNAME") == NAME else ""


def _tunnel(name, message, _name_of):
    up = bool(message["flags"] & netlink.IFF_UP)
    return Tunnel(name, str(MANUAL.ce), str(MANUAL.br), "wan0", message.get_attr("IFLA_MTU"), up=up)


def _set_tunnel(_netlink, tunnel):
    if not Path("/proc/sys/net/ipv4/conf", NAME).exists():
        _ip("link", "add", NAME, "type", "veth", "peer", "name", FAR)
        _ip("link", "set", FAR, "up")
    _ip("link", "set", NAME, "mtu", str(tunnel.mtu), "up")


def _ip(*words):
    subprocess.run(["ip", *words], check=True)


class Tunnelled(Line):
    """A router on which every slice comes up."""

    def command(self, *argv):
        """See Line."""
        return self.router.argv(sys.executable, "-B", __file__, *argv)

    def environment(self, **more):
        """See Line."""
        return super().environment(NOTIFY_SOCKET="", **more)

    def up(self):
        """Bring every slice up, as a person does."""
        done = self.hook()
        assert done.returncode == 0, done.stderr

    def settled(self, *slices):
        """Return whether nothing would change."""
        assert not slices
        return self.hook("--dry-run", "--exit-code").returncode == 0

    def everything(self):
        """Return what the kernel holds of ours, in no order, and the sysctls."""
        router = self.router
        return (
            sorted(self.rules()),
            sorted(self.routes()),
            self.tables(),
            [
                str(one) in router.run("ip", "address", "show", "dev", device)
                for one, device in ((MANUAL.ce, "wan0"), (MANUAL.ipv4, NAME))
                if device in router.run("ip", "link")
            ],
            router.run("sysctl", "-e", *(name.replace("/", ".") for name in SYSCTLS)),
        )


SYSCTLS = (
    "net.ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/wan0/accept_ra",
    "net.ipv4/conf/mape0/rp_filter",
    "net.ipv4/conf/ppp0/rp_filter",
)


def stand_in():
    """Let a veth stand in for the tunnel in this process."""
    vars(netlink).update(_kind=_kind, _tunnel=_tunnel)
    netlink_changes.NetlinkChanges.set_tunnel = _set_tunnel


if __name__ == "__main__":
    stand_in()
    sys.exit(cli.main())

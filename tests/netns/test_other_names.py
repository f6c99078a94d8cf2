"""A device by its other name (altname), as the kernel has it."""

from contextlib import closing

from space import Namespace

from dualwan.host.around import other_names
from dualwan.host.netlink import Netlink

OTHER = "enx001122334455"


def test_the_kernel_finds_a_device_by_its_other_name_and_we_do_not():
    """Netlink does; there are no sysctls of it, and no rule of nft matches it."""
    with closing(Namespace("named")) as space:
        space.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far0")
        space.run("ip", "link", "property", "add", "dev", "eth0", "altname", OTHER)
        assert "eth0" in space.run("ip", "link", "show", OTHER)

        def look():
            netlink = Netlink()
            links, _, _ = netlink.look((OTHER, "eth0"))
            return [*links], netlink.ipr.link_lookup(ifname=OTHER)

        assert space.call(look) == (["eth0"], [])
        assert space.call(other_names.look, (OTHER, "eth0", "lo")) == {OTHER: "eth0"}

"""A VPN of the router, whose interface [lan] does not name."""

from line import SERVERS

VPN_NETWORK, VPN_ROUTER, VPN_HOST = "10.9.0.0/24", "10.9.0.1", "10.9.0.2"


def with_vpn(line):
    """Give the router wg0, which [lan] does not name; its other end is ``line.vpn``."""
    line.vpn = line._space("vpn")  # noqa: SLF001 - one more, closed with the others
    line.router.ip(f"""
        link add wg0 type veth peer name wg netns {line.vpn.name}
        link set wg0 up
        address add {VPN_ROUTER}/24 dev wg0
    """)
    line.vpn.ip(
        f"""
        link set wg up
        address add {VPN_HOST}/24 dev wg
        route add default via {VPN_ROUTER}
        """
        + "".join(f"address add {server}/32 dev lo\n" for server in SERVERS)
    )

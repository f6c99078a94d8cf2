"""A line whose mape0 is a tunnel over IPv6, as at home; that of the tests is a bare veth."""

import socket
import struct

from burst import Burst, sender
from line import SHARED
from natlab import GATEWAY, NatLine

CE, BR = "2001:db8:2::1", "2001:db8:2::2"
IP6TNL, VXLAN = "ip6tnl", "VXLAN over IPv6"
IPV4_IN_IPV6, UDP, HOP_LIMIT = 4, 17, 64
VXLAN_PORT, VXLAN_HEADER = 4789, bytes.fromhex("0800000000000100")  # RFC 7348 section 5; VNI 1


class TunnelLine(NatLine):
    """Through an ip6tnl where the kernel has it; else a VXLAN over IPv6."""

    far = "wan"

    def _build(self):
        super()._build()
        self.router.ip(f"link del mape0\naddress add {CE}/64 dev wan0 nodad\n")
        self.internet.ip(f"address add {BR}/64 dev wan nodad\n")
        ends = [(self.router, "mape0", "wan0", CE, BR), (self.internet, "mape", "wan", BR, CE)]
        for space, device, wan, local, remote in ends:
            self.kind = _add_tunnel(space, device, wan, local, remote)
            space.ip(f"link set {device} up\n")
        macs = [self.internet.mac("wan"), self.router.mac("wan0")]
        for (space, _, wan, _, remote), mac in zip(ends, macs, strict=True):
            space.ip(f"neigh replace {remote} lladdr {mac} dev {wan} nud permanent\n")
        self._route()
        self._outside = sender(self.internet, "wan", self.router.mac("wan0"))

    def _route(self):
        self.router.ip(f"address add {SHARED}/32 dev mape0\n")
        self.internet.ip(f"route add {SHARED}/32 dev mape\n")
        if self.kind == IP6TNL:
            self.router.ip("route add default dev mape0\n")
            return
        inside, outside = self.router.mac("mape0"), self.internet.mac("mape")
        self.router.ip(
            f"route add default via {GATEWAY} dev mape0 onlink\n"
            f"neigh add {GATEWAY} lladdr {outside} dev mape0 nud permanent\n"
        )
        self.internet.ip(f"neigh add {SHARED} lladdr {inside} dev mape nud permanent\n")
        self._ethernet = bytes.fromhex("".join((inside + outside).split(":")) + "0800")

    def burst(self, packets, *, outside=False):
        """Return PACKETS as a Burst; from the internet they come through the tunnel."""
        if not outside:
            return super().burst(packets)
        head = self._outside[1][:12] + bytes.fromhex("86dd")
        return Burst([head + self._encapsulated(packet) for packet in packets])

    def _encapsulated(self, packet):
        if self.kind == IP6TNL:
            return _ipv6(IPV4_IN_IPV6, packet)
        payload = VXLAN_HEADER + self._ethernet + packet
        return _ipv6(UDP, struct.pack("!HHHH", 49152, VXLAN_PORT, 8 + len(payload), 0) + payload)


def _add_tunnel(space, device, wan, local, remote):
    """Add DEVICE from LOCAL to REMOTE; return of which kind it is."""
    ends = f"local {local} remote {remote} dev {wan}"
    space.run(
        "ip",
        "link",
        "add",
        device,
        "type",
        "ip6tnl",
        "mode",
        "ipip6",
        *ends.split(),
        "encaplimit",
        "none",
        check=False,
    )
    if f" {device}@" in space.run("ip", "link"):
        return IP6TNL
    space.ip(
        f"link add {device} type vxlan id 1 dstport {VXLAN_PORT} {ends} "
        "udp6zerocsumtx udp6zerocsumrx\n"
    )
    return VXLAN


def _ipv6(number, payload):
    return (
        struct.pack("!IHBB", 6 << 28, len(payload), number, HOP_LIMIT)
        + socket.inet_pton(socket.AF_INET6, BR)
        + socket.inet_pton(socket.AF_INET6, CE)
        + payload
    )

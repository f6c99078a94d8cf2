"""Two routers on one line, in namespaces; the files are those of docs/two-routers.md.

         lan -------- switch ------- internet (the line's router, and the border relay)
    192.168.1.10     |      |        2001:db8:0:100::1, 198.51.100.1 to .8
             lan0, wan0    lan0, wan0
             router1 --sync0-- router2

two_routers_command.py is the command there.
"""

from contextlib import suppress

from line import CLIENT, SERVERS, SHARED
from router_of_two import BR, CE, Router
from space import Namespace, until

VIRTUAL, INNER_MAC, FAR_MAC = "192.168.1.1", "02:00:00:00:00:0a", "02:00:00:00:00:0b"


class Routers:
    """Two routers, a LAN host, and the line; VIRTUAL moves by ``give`` where no keepalived runs."""

    def __init__(self, folder):
        self.spaces = []
        self.switch, self.lan, self.internet = map(self._space, ("switch", "lan", "internet"))
        self.first, self.second = (self._router(folder, name) for name in ("router1", "router2"))
        self.both = (self.first, self.second)
        self._build()

    def _space(self, role):
        made = Namespace(role)
        self.spaces.append(made)
        return made

    def _router(self, folder, name):
        made = Router(folder, name)
        self.spaces.append(made.space)
        return made

    def _build(self):
        for space in self.spaces:
            space.sysctl("net/ipv6/conf/all/accept_dad", "0")
            space.sysctl("net/ipv6/conf/default/accept_dad", "0")
        self._plug_in()
        for number, one in enumerate(self.both, 2):
            one.space.ip(f"""
                link set sync0 up
                address add 192.168.1.{number}/24 dev lan0
                address add 10.255.0.{number - 1}/30 dev sync0
                address add 2001:db8:0:100::{number}/64 dev wan0 nodad
                route add ::/0 via 2001:db8:0:100::1
            """)
        self.lan.ip(f"address add {CLIENT}/24 dev eth0\nroute add default via {VIRTUAL}")
        self._number_the_internet()

    def _plug_in(self):
        """Lay the cables: LAN and line through the switch, and one from router to router."""
        self.switch.ip(
            "link add lan type bridge\nlink add wan type bridge\nlink set lan up\nlink set wan up\n"
        )
        for space, device, bridge in (
            (self.lan, "eth0", "lan"),
            (self.internet, "wan", "wan"),
            *((one.space, name, name[:3]) for one in self.both for name in ("lan0", "wan0")),
        ):
            port = f"p{len(self.switch.run('ip', '-br', 'link').splitlines())}"
            space.ip(f"link add {device} type veth peer name {port} netns {self.switch.name}")
            # VXLAN has more headers than IPIP.
            self.switch.ip(f"link set {port} mtu 2000 master {bridge}\nlink set {port} up")
            space.ip(f"link set {device} {'mtu 2000' if bridge == 'wan' else ''} up")
        self.first.space.ip(
            f"link add sync0 type veth peer name sync0 netns {self.second.space.name}"
        )

    def _number_the_internet(self):
        """Make the line's router, the border relay and the servers behind it."""
        self.internet.ip(
            f"""
            address add 2001:db8:0:100::1/64 dev wan nodad
            address add {BR}/128 dev lo
            link add mape address {FAR_MAC} type vxlan id 4 local {BR} remote {CE} dstport 4789
            link set mape up
            route add {SHARED}/32 dev mape
        """
            + "".join(f"address add {server}/32 dev lo\n" for server in SERVERS)
        )
        # The inner link layer is none of the line's: nobody has to ask there.
        self.internet.ip(f"neigh replace {SHARED} lladdr {INNER_MAC} dev mape nud permanent")
        self.internet.sysctl("net/ipv6/conf/all/forwarding", "1")
        # Nothing but the tests asks where the CE is.
        self.internet.sysctl("net/ipv6/conf/mape/disable_ipv6", "1")

    def give(self, router):
        """Move the LAN's gateway to ROUTER, as keepalived does before it runs a script."""
        for one in self.both:
            if one is not router:
                one.space.run("ip", "address", "del", f"{VIRTUAL}/24", "dev", "lan0", check=False)
        router.space.run("ip", "address", "replace", f"{VIRTUAL}/24", "dev", "lan0")
        mac = router.space.mac("lan0")
        self.lan.ip(f"neigh replace {VIRTUAL} lladdr {mac} dev eth0 nud reachable")

    def other(self, router):
        """Return the router that ROUTER is not."""
        return self.second if router is self.first else self.first

    def ce_is_at(self):
        """Return the link address that the line's router has for the CE."""
        found = self.internet.run("ip", "-6", "neigh", "show", CE, "dev", "wan")
        return found.split("lladdr ")[1].split()[0] if "lladdr " in found else ""

    def close(self):
        """Remove everything."""
        for space in self.spaces:
            space.close()


def passes(routers, seconds=10.0):
    """Return whether a packet comes through by MAP-E and back within SECONDS."""
    server = routers.internet.udp(SERVERS[1], 0, timeout=0.02)
    client = routers.lan.udp(timeout=0.02)

    def answered():
        client.sendto(b"x", server.getsockname())
        with suppress(TimeoutError):
            _, peer = server.recvfrom(9)
            server.sendto(b"y", peer)
            return client.recv(9) == b"y"
        return False

    return until(answered, seconds)

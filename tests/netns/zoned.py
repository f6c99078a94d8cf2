"""A line with guests and a DMZ."""

from line import PPPOE, Line
from scenes import with_ipv6

GUEST, GUEST6 = "10.0.5.2", "2001:db8:5::2"
DMZ, DMZ6 = "10.0.6.2", "2001:db8:6::2"
ZONES = """
[zone.guest]
interfaces = ["guest0"]
[zone.dmz]
interfaces = ["dmz*"]
services = ["dns"]
ways = ["pppoe"]
"""


class Zoned(Line):
    """A line with guests and a DMZ, each a namespace of its own."""

    def _build(self):
        super()._build()
        self.guest, self.dmz = self._space("guest"), self._space("dmz")
        for name, number in (("guest", 5), ("dmz", 6)):
            space = getattr(self, name)
            self.router.ip(f"""
                link add {name}0 type veth peer name eth0 netns {space.name}
                link set {name}0 up
                address add 10.0.{number}.1/24 dev {name}0
                address add 2001:db8:{number}::1/64 dev {name}0 nodad
            """)
            space.ip(f"""
                link set eth0 up
                address add 10.0.{number}.2/24 dev eth0
                address add 2001:db8:{number}::2/64 dev eth0 nodad
                route add default via 10.0.{number}.1
                route add ::/0 via 2001:db8:{number}::1
            """)
        with_ipv6(self, "wan0", "wan")
        self.internet.ip("""
            route add 2001:db8:5::/64 via 2001:db8:2::2
            route add 2001:db8:6::/64 via 2001:db8:2::2
        """)
        self.internet.run(
            *("ip", "neigh", "replace", PPPOE, "lladdr", self.router.mac("ppp0"), "dev", "ppp")
        )

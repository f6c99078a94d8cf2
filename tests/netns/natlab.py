"""A line for the many flows of the tests of the translation.

It is line.Line, but its default route has a gateway whose link layer address is
known, so that a destination costs nothing but its flow, and the LAN has more hosts.
"""

import socket
import time
from contextlib import closing

from burst import Burst, Watch, sender
from flows import HOSTS, NUMBERS
from line import CONFIG, SHARED, Line

OCN, V6PLUS = (1, 6, 6), (52, 8, 4)  # psid, psid-length, psid-offset
GATEWAY = "10.255.255.1"
IPV4 = bytes.fromhex("0800")
TICKS = 0.05  # seconds, more than a few ticks at 100 Hz


def config(psid, length, offset, mape="", more=""):
    """Return a configuration with the port set and more lines in [mape] and at the end."""
    return (
        CONFIG.replace(
            "psid = 1\npsid-length = 6\n",
            f"psid = {psid}\npsid-length = {length}\npsid-offset = {offset}\n{mape}\n",
        )
        + more
    )


def link_address(packet):
    """Return the link address of the host that sends PACKET: local (RFC 7042), of its address."""
    return b"\2\0" + packet[12:16]


class NatLine(Line):
    """A line for many flows. far: the device at which all arrives outside."""

    far = "mape"

    def __init__(self, folder, shape=OCN, mape="", more="", text=""):
        self.shape = shape
        super().__init__(folder, text or config(*shape, mape=mape, more=more))

    def _build(self):
        super()._build()
        outside = self.internet.mac("mape")
        self.lan.ip("".join(f"address add {host}/24 dev eth0\n" for host in HOSTS[1:]))
        self.router.ip(
            f"""
            route replace default via {GATEWAY} dev mape0 onlink
            neigh replace {GATEWAY} lladdr {outside} dev mape0 nud permanent
        """
            + "".join(
                f"neigh replace {host} lladdr {self.lan.mac('eth0')} dev lan0 nud permanent\n"
                for host in HOSTS
            )
        )
        self.internet.ip(
            f"neigh replace {SHARED} lladdr {self.router.mac('mape0')} dev mape nud permanent\n"
        )
        self._inside = sender(self.lan, "eth0", self.router.mac("lan0"))
        self._outside = sender(self.internet, "mape", self.router.mac("mape0"))

    def burst(self, packets, *, outside=False, link=""):
        """Return PACKETS as a Burst, of LAN hosts or from the internet.

        LINK: the link address of the host; else each LAN host has one of its own.
        """
        if outside:
            return Burst([self._outside[1] + packet for packet in packets])
        to, own = self._inside[1][:6], bytes.fromhex(link.replace(":", ""))
        return Burst([to + (own or link_address(packet)) + IPV4 + packet for packet in packets])

    def send(self, packets, *, outside=False):
        """Send PACKETS, or a Burst, from the LAN or from the internet."""
        made = packets if isinstance(packets, Burst) else self.burst([*packets], outside=outside)
        made.send((self._outside if outside else self._inside)[0])

    def second_host(self):
        """Return the address of a host of the LAN with a link address of its own."""
        host = "192.168.1.99"
        self.lan.ip(
            f"""
            link add second link eth0 type macvlan
            link set second up
            address add {host}/32 dev second
            rule add from {host} lookup 99
            route add 192.168.1.0/24 dev second table 99
            route add default via 192.168.1.1 dev second table 99
        """
        )
        return host

    def watch(self, space=None, device="mape"):
        """Return a Watch on what arrives outside, or at DEVICE of SPACE."""
        return Watch(space or self.internet, device)

    def passed(self, packets):
        """Send PACKETS from the LAN; return what arrives outside."""
        with closing(self.watch()) as watch:
            self.send(packets)
            return watch.seen()

    def endpoints(self, packets):
        """Send PACKETS; return the outer ports that each inner (address, port) was seen with."""
        sent = [(socket.inet_ntoa(one[12:16]), int.from_bytes(one[20:22])) for one in packets]
        seen = self.passed(packets)
        assert len(seen) == len(sent)
        found = {}
        for inner, packet in zip(sent, seen, strict=True):
            found.setdefault(inner, set()).add(packet.sport)
        return found

    def forget(self, *which):
        """Make conntrack forget every flow, or those that conntrack(8) knows by WHICH.

        The kernel's count of flows goes by ticks of its clock (net/netfilter/nf_conncount.c): one
        that began within two counts as alive even when it is gone, and a list of flows is looked
        at once a tick. No test is about those.
        """
        time.sleep(TICKS)
        self.router.run("conntrack", *(("-D", *which) if which else ("-F",)))
        time.sleep(TICKS)

    def empty(self, kind):
        """Empty the set of flows of KIND at once, as the kernel does within a second or two."""
        self.router.run("nft", "flush", "set", "ip", "dualwan_snat", f"{kind}_flows")

    def all_ports(self):
        """Return the ports of the configuration's port set."""
        return [port for low, high in self.ports().ranges() for port in range(low, high + 1)]

    def counter(self, name):
        """Return the packets of a counter of the table."""
        return int(
            self.router.run("nft", "list", "counter", "ip", "dualwan_snat", name)
            .split("packets ")[1]
            .split()[0]
        )

    def elements(self, name, kind="set"):
        """Return what is in a set or map of the table, as text."""
        text = self.router.run("nft", "list", kind, "ip", "dualwan_snat", name)
        return text.split("elements = {")[1].split("}")[0] if "elements = {" in text else ""

    def flows(self):
        """Return how many elements the sets of flows have."""
        return {
            kind: len([item for item in self.elements(f"{kind}_flows").split(",") if item.strip()])
            for kind in NUMBERS
        }

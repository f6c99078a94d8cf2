"""A line for the many flows of the tests of the translation.

It is line.Line, but its default route has a gateway whose link layer address is
known, so that a destination costs nothing but its flow, and the LAN has more hosts.
"""

import time
from contextlib import closing

from burst import Burst, Watch, sender
from flows import HOSTS, NUMBERS
from line import CONFIG, SHARED, Line

OCN, V6PLUS = (1, 6, 6), (52, 8, 4)  # psid, psid-length, psid-offset
GATEWAY = "10.255.255.1"
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

    def burst(self, packets, *, outside=False):
        """Return PACKETS as a Burst, of a LAN host or from the internet."""
        head = (self._outside if outside else self._inside)[1]
        return Burst([head + packet for packet in packets])

    def send(self, packets, *, outside=False):
        """Send PACKETS, or a Burst, from the LAN or from the internet."""
        made = packets if isinstance(packets, Burst) else self.burst([*packets], outside=outside)
        made.send((self._outside if outside else self._inside)[0])

    def watch(self, space=None, device="mape"):
        """Return a Watch on what arrives outside, or at DEVICE of SPACE."""
        return Watch(space or self.internet, device)

    def passed(self, packets):
        """Send PACKETS from the LAN; return what arrives outside."""
        with closing(self.watch()) as watch:
            self.send(packets)
            return watch.seen()

    def forget(self):
        """Make conntrack forget every flow.

        A flow that began within two ticks of the kernel's clock counts as alive even when it
        is gone (net/netfilter/nf_conncount.c); no test is about those.
        """
        time.sleep(TICKS)
        self.router.run("conntrack", "-F")

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

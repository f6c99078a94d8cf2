"""What a new flow costs with many services and forwards: `make bench-rules`.

Two routers in network namespaces, one with few services and forwards, one with many, stand
side by side. Packets that begin flows are handed to the kernel by sendmmsg(2) on a packet
socket at the far side of a veth; the kernel takes them through the router within that call,
so the thread's own CPU time is what they cost. Both routers are measured in turn, again and
again, and the ratio is the median over these pairs: what else the machine does meets both.

The packets go to what is neither first nor last in the configuration, and to what is on
offer nowhere. They end at a counter behind the rules: nobody answers.

    rules.py [--runs N]      N pairs of each (default 25); needs root
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests" / "netns")]
os.environ["PYTHONPATH"] = str(ROOT / "src")  # for the command that sets up the routers

from burst import Burst, sender
from line import CONFIG, PPPOE, SERVERS, SHARED, Line
from natlab import GATEWAY
from packets import Packet
from space import sweep

FEW, MANY = 5, 200
FLOWS = 2000  # a burst, each of another source port and address
LIMIT = 1.10
HOST = "192.168.1.20"
SERVICE, FORWARD, MAPE_FORWARD = 10000, 20000, 1040  # the first ports; MAP-E's are of the set
BLOCK, PORTS_A_BLOCK = 1024, 16  # of the set with psid 1 of 6 bits, offset 6


def mape_port(number):
    """Return the NUMBER-th port of the set that is forwarded."""
    return MAPE_FORWARD + number // PORTS_A_BLOCK * BLOCK + number % PORTS_A_BLOCK


def configuration(count):
    """Return a configuration with COUNT services and COUNT forwards, half of them by MAP-E."""
    services = ", ".join(_service(number) for number in range(count))
    forwards = "".join(
        f"""
[[forward]]
via = "{via}"
protocol = "{("tcp", "udp")[number // 2 % 2]}"
port = {port}
to = "{HOST}:{1000 + number}"
"""
        for number in range(count)
        for via, port in [(("pppoe", FORWARD + number), ("mape", mape_port(number)))[number % 2]]
    )
    return f"{CONFIG}[firewall]\ninbound = [{services}]\n{forwards}"


def _service(number):
    name = f'"{("tcp", "udp")[number % 2]}/{SERVICE + number}"'
    some = f'"11.0.0.0/8", "192.0.{number}.0/24"'
    return name if number % 4 != 2 else f"{{ service = {name}, from = [{some}] }}"


def kinds(count):
    """Return device, target ("" for many), protocol and port of each kind of flow."""
    middle = count // 8 * 4  # of TCP, among services and forwards
    return {
        "service": ("ppp", PPPOE, "tcp", SERVICE + middle),
        "service for some networks": ("ppp", PPPOE, "tcp", SERVICE + middle + 2),
        "forward by PPPoE": ("ppp", PPPOE, "tcp", FORWARD + middle),
        "forward by MAP-E": ("mape", SHARED, "tcp", mape_port(middle + 1)),
        "nothing on offer, PPPoE": ("ppp", PPPOE, "tcp", 9),
        "nothing on offer, MAP-E": ("mape", SHARED, "tcp", 9),
        "LAN to internet, MAP-E": ("eth0", "", "udp", 443),
        "LAN to internet, PPPoE": ("eth0", SERVERS[1], "udp", 443),
    }


class Router:
    """One router, and bursts of new flows for it."""

    def __init__(self, folder, count):
        folder.mkdir()
        self.kinds = kinds(count)
        self.line = Line(folder, configuration(count))
        self.line.apply()
        self._prepare()
        internet, lan = self.line.internet, self.line.lan
        ways = (internet, "ppp", "ppp0"), (internet, "mape", "mape0"), (lan, "eth0", "lan0")
        self._taps = {
            device: sender(space, device, self.line.router.mac(far)) for space, device, far in ways
        }
        self._bursts = {name: self._burst(*kind) for name, kind in self.kinds.items()}

    def _prepare(self):
        """Let nobody ask who is where, and everything end at the far side's device."""
        line = self.line
        inside, mape, ppp = (
            space.mac(device)
            for space, device in (
                (line.lan, "eth0"),
                (line.internet, "mape"),
                (line.internet, "ppp"),
            )
        )
        line.router.ip(f"""
            neigh replace {HOST} lladdr {inside} dev lan0
            route replace default via {GATEWAY} dev mape0 onlink
            neigh replace {GATEWAY} lladdr {mape} dev mape0
            neigh replace {SERVERS[1]} lladdr {ppp} dev ppp0
            route add {SERVERS[1]} dev ppp0
        """)
        line.router.nft(
            "table inet last {\n chain input {\n"
            " type filter hook input priority 200; policy accept;\n"
            ' iifname { "ppp0", "mape0" } counter drop\n }\n}\n'
        )
        for space, devices in ((line.lan, ["eth0"]), (line.internet, ["mape", "ppp"])):
            for device in devices:
                space.nft(
                    f"table netdev end_{device} {{\n chain ends {{\n"
                    f" type filter hook ingress device {device} priority 0;\n"
                    " counter drop\n }\n}\n"
                )

    def _burst(self, device, target, protocol, port):
        tap, head = self._taps[device]
        anybody = [f"11.{number >> 8}.{number & 255}.1" for number in range(FLOWS)]
        return tap, Burst(
            [
                head
                + Packet(
                    HOST if device == "eth0" else other,
                    target or other,
                    protocol,
                    20000 + number,
                    port,
                ).build()
                for number, other in enumerate(anybody)
            ]
        )

    def time(self, name):
        """Return the microseconds of CPU that a new flow of the kind NAME costs."""
        tap, burst = self._bursts[name]
        self.line.router.run("conntrack", "-F")
        # What a device of the LAN may begin at once is FLOWS: it begins anew.
        self.line.router.run("nft", "flush", "set", "inet", "dualwan_firewall", "lan_devices")
        began = time.thread_time()
        burst.send(tap)
        return (time.thread_time() - began) / burst.size * 1e6

    def arrived(self, name):
        """Return how many packets of the kind NAME arrived where they end."""
        device = self.kinds[name][0]
        before = self._counts()
        self.time(name)
        time.sleep(0.2)
        after = self._counts()
        return device, {where: after[where] - before[where] for where in after}

    def _counts(self):
        found = {}
        for where, space, table in (
            ("router", self.line.router, "inet last"),
            ("lan", self.line.lan, "netdev end_eth0"),
            ("mape", self.line.internet, "netdev end_mape"),
            ("ppp", self.line.internet, "netdev end_ppp"),
        ):
            text = space.run("nft", "list", "table", *table.split())
            found[where] = int(text.split("counter packets ")[1].split()[0])
        return found

    def close(self):
        """Remove the namespaces."""
        self.line.close()


ENDS = {
    "service": "router",
    "service for some networks": "router",
    "forward by PPPoE": "lan",
    "forward by MAP-E": "lan",
    "nothing on offer, PPPoE": "",
    "nothing on offer, MAP-E": "",
    "LAN to internet, MAP-E": "mape",
    "LAN to internet, PPPoE": "ppp",
}


def check(router):
    """End with a message unless each kind of flow ends where it should."""
    for name, where in ENDS.items():
        _, counts = router.arrived(name)
        found = counts[where] if where else sum(counts.values())
        if not (found >= FLOWS * 0.9 if where else found < FLOWS * 0.1):
            raise SystemExit(f"{name}: {counts}, not {FLOWS} at {where or 'nobody'}")


def measure(few, many, runs):
    """Return for each kind the medians of both, in µs, and the median ratio of the pairs."""
    rows = {}
    for name in ENDS:
        pairs = []
        for turn in range(runs + 2):
            order = (few, many) if turn % 2 else (many, few)
            times = {id(router): router.time(name) for router in order}
            pairs.append((times[id(few)], times[id(many)]))
        pairs = pairs[2:]  # the first fill caches
        rows[name] = (
            median(one for one, _ in pairs),
            median(two for _, two in pairs),
            median(two / one for one, two in pairs),
        )
    return rows


def main():
    """Measure and report; 1 if it is more than allowed."""
    parser = argparse.ArgumentParser(description="time new flows with many services and forwards")
    parser.add_argument("--runs", type=int, default=25, metavar="N")
    runs = parser.parse_args().runs
    if os.geteuid() != 0:
        raise SystemExit("rules.py makes network namespaces and needs root: sudo make bench-rules")
    sweep()
    with tempfile.TemporaryDirectory() as folder:
        routers = []
        try:
            for count in (FEW, MANY):
                routers.append(Router(Path(folder) / str(count), count))
                check(routers[-1])
            rows = measure(*routers, runs)
        finally:
            for router in routers:
                router.close()
    print(f"| a new flow | {FEW} and {FEW} | {MANY} and {MANY} | ratio |\n|---|---:|---:|---:|")
    for name, (few, many, ratio) in rows.items():
        print(f"| {name} | {few:.2f} µs | {many:.2f} µs | {ratio:.2f} |")
    print(
        f"\nServices and forwards; medians of {runs} pairs of {FLOWS} flows. Allowed: {LIMIT:.2f}."
    )
    return int(max(ratio for _, _, ratio in rows.values()) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

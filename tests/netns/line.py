"""A router between a LAN and an internet, in network namespaces of their own.

    lan ------------ lan0  router  mape0 ------------ internet (a border relay's far side)
    192.168.1.10           wan0    ppp0  ------------
                                                      198.51.100.1 to .8

mape0 and ppp0 are veth: slices that match interfaces by name apply to whatever has it.
"""

import json
import os
import re
import subprocess
import sys

from space import Namespace

from dualwan.config import load

CONFIG = """\
[wan]
interface = "wan0"

[lan]
interfaces = ["lan0"]

[mape]
provider = "manual"
br = "2001:db8:ffff::9"
ce = "2001:db8:0:100:99:f000:0:100"
ipv4 = "192.0.2.18"
psid = 1
psid-length = 6

[pppoe]
dial = false
"""
SHARED, PPPOE, OTHER_PPPOE = "192.0.2.18", "203.0.113.7", "203.0.113.99"
ROUTER, CLIENT = "192.168.1.1", "192.168.1.10"
SERVERS = [f"198.51.100.{number}" for number in range(1, 9)]
BY_NAME = ("firewall", "snat", "pbr")  # the slices that need no tunnel
# What a run of all slices has to say here, where the tunnel is a veth.
NO_TUNNEL = "dualwan-hook: mape0 (mape.tunnel) is there already, and is no IPv6 tunnel\n"
SHUT = 0.4  # seconds after which an unanswered packet was dropped; an answer takes 1 ms


class Line:
    """The three namespaces, and dualwan-hook on the router."""

    def __init__(self, folder, config=CONFIG):
        self.folder = folder
        self.config = folder / "dualwan.toml"
        self.config.write_text(config)
        self.run_directory, self.state = folder / "run", folder / "lib"
        self.spaces = []
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.router, self.lan, self.internet = (
            self._space(role) for role in ("router", "lan", "internet")
        )
        for space in self.spaces:  # an address is usable at once
            space.sysctl("net/ipv6/conf/all/accept_dad", "0")
            space.sysctl("net/ipv6/conf/default/accept_dad", "0")
        for device, far, peer in (
            ("lan0", self.lan, "eth0"),
            ("wan0", self.internet, "wan"),
            ("mape0", self.internet, "mape"),
            ("ppp0", self.internet, "ppp"),
        ):
            self.router.run(
                "ip", "link", "add", device, "type", "veth", "peer", "name", peer, "netns", far.name
            )
        self.router.ip(f"""
            link set lan0 up
            link set wan0 up
            link set mape0 up
            link set ppp0 up
            address add {ROUTER}/24 dev lan0
            address add 2001:db8:1::1/64 dev lan0 nodad
            address add {SHARED}/32 dev mape0
            address add {PPPOE}/32 dev ppp0
            route add default dev mape0
        """)
        self.lan.ip(f"""
            link set eth0 up
            address add {CLIENT}/24 dev eth0
            address add 2001:db8:1::10/64 dev eth0 nodad
            route add default via {ROUTER}
            route add ::/0 via 2001:db8:1::1
        """)
        self.internet.ip(
            f"""
            link set wan up
            link set mape up
            link set ppp up
            route add {SHARED}/32 dev mape
            route add 203.0.113.0/24 dev ppp
        """
            + "".join(f"address add {server}/32 dev lo\n" for server in SERVERS)
        )
        self.router.sysctl("net/ipv4/ip_forward", "1")
        self.router.sysctl("net/ipv6/conf/all/forwarding", "1")

    def _space(self, role):
        made = Namespace(role)
        self.spaces.append(made)
        return made

    def close(self):
        """Remove everything."""
        for space in self.spaces:
            space.close()

    # --- dualwan-hook on the router ---------------------------------------------------------

    def environment(self, **more):
        """Return what the command needs to know."""
        return {
            **os.environ,
            "DUALWAN_CONFIG": str(self.config),
            "DUALWAN_RUN": str(self.run_directory),
            "DUALWAN_STATE": str(self.state),
            **more,
        }

    def command(self, *argv):
        """Return the command line of dualwan-hook ARGV on the router."""
        return self.router.argv(sys.executable, "-B", "-m", "dualwan.cli", *argv)

    def hook(self, *argv, **environ):
        """Run dualwan-hook on the router; return the finished process."""
        return subprocess.run(
            self.command(*argv),
            check=False,
            capture_output=True,
            text=True,
            env=self.environment(**environ),
        )

    def python(self, text, *argv):
        """Run Python TEXT with ARGV on the router; return the finished process."""
        return subprocess.run(
            self.router.argv(sys.executable, "-B", "-c", text, *argv),
            check=False,
            capture_output=True,
            text=True,
            env=self.environment(),
        )

    def start(self, text, *argv):
        """Start Python TEXT with ARGV on the router; return the running process."""
        return subprocess.Popen(
            self.router.argv(sys.executable, "-B", "-c", text, *argv),
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )

    def apply(self, *slices):
        """Bring SLICES, or all that match by name, to their state."""
        done = self.hook(*named(slices or BY_NAME))
        assert done.returncode == 0, done.stderr

    def settled(self, *slices):
        """Return whether nothing would change in SLICES, or in all that match by name."""
        return self.hook("--dry-run", "--exit-code", *named(slices or BY_NAME)).returncode == 0

    def event(self, name, **environ):
        """Run what the hook of the event NAME runs, which has nothing to say."""
        said = self.complaint(name, **environ)
        assert said == "", said

    def complaint(self, name, **environ):
        """Run what the hook of the event NAME runs; return what went wrong: its code is 0."""
        done = self.hook("event", name, **environ)
        assert done.returncode == 0
        return done.stderr

    def ports(self):
        """Return the port set of the configuration."""
        return load(self.config).mape.manual.port_set

    def open(self):
        """Take the firewall away: what is still not reached has another reason than that."""
        self.router.run("nft", "delete", "table", "inet", "dualwan_firewall")

    # --- what the kernel of the router holds --------------------------------------------------

    def rules(self):
        """Return our own ip rules."""
        return [
            line
            for line in self.router.run("ip", "-d", "rule").splitlines()
            if re.search(r"proto (217|dualwan)\b", line)
        ]

    def routes(self):
        """Return our own IPv4 routes."""
        return self.router.run("ip", "route", "show", "table", "all", "proto", "217").splitlines()

    def tables(self):
        """Return the names of our own nft tables."""
        listed = self.router.run("nft", "list", "tables").splitlines()
        return sorted(line.split()[-1] for line in listed if "dualwan_" in line)

    def table(self, family, name):
        """Return an nft table with its handles and counters."""
        return json.loads(self.router.run("nft", "-a", "-t", "-j", "list", "table", family, name))

    def texts(self):
        """Return our own nft tables as nft lists them, without counters, elements and stamp."""
        return {
            name: re.sub(
                r"by dualwan-hook, [0-9a-f]{16}\b",
                "by dualwan-hook",
                self.router.run("nft", "-s", "-t", "list", "table", family, name),
            )
            for family, name in (
                ("inet", "dualwan_firewall"),
                ("ip", "dualwan_snat"),
                ("ip", "dualwan_pbr"),
            )
        }

    def untranslated(self):
        """Return how many packets the egress filter has dropped."""
        found = self.router.run(
            "nft", "-j", "list", "counter", "ip", "dualwan_snat", "untranslated"
        )
        return next(
            item["counter"]["packets"]
            for item in json.loads(found)["nftables"]
            if "counter" in item
        )

    def leftovers(self):
        """Return what is there of ours."""
        return [*self.rules(), *self.routes(), *self.tables()]


def named(slices):
    """Return the options that name SLICES."""
    return [word for name in slices for word in ("--slice", name)]

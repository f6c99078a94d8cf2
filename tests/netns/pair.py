"""A router in a namespace and its double in memory, to which the same things happen.

After each of them both are looked at, and what one shows the other must show too.
"""

import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from difflib import unified_diff
from multiprocessing import Pipe
from pathlib import Path
from pprint import pformat

import episode
import pytest
from line import CONFIG, PPPOE, SERVERS, SHARED
from space import until

from dualwan.config import from_text
from dualwan.host.fake import FakeHost
from dualwan.host.netlink_changes import without_module
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.observed import Reads
from dualwan.model.resources import Address
from dualwan.slices import ALL, snat

TABLES = {one.table.name: one.table for one in ALL if one.table}
AT_BOOT = {
    "net/ipv4/conf/default/rp_filter": "1",
    "net/ipv4/ip_forward": "0",
    "net/ipv6/conf/all/forwarding": "0",
    "net/ipv6/conf/wan0/accept_ra": "1",
    "net/ipv6/conf/lan0/accept_ra": "1",
}
TWO_WAYS = CONFIG.replace('"wan0"\n', '"wan0"\nfailover = true\n').replace(
    '["lan0"]\n', '["lan0"]\nvia-pppoe = ["192.168.1.20/32"]\nfallback = "mape"  # or none\n'
)
NO_RIGHT = "Operation not permitted"
# A router advertisement that says no more than that there is a router (RFC 4861 section 4.2):
# hop limit 64, no flags, for 1800 s.
ADVERTISEMENT = bytes([134, 0, 0, 0, 64, 0, 0x07, 0x08, *bytes(8)])
ADVERTISE = f"""\
import socket, sys
with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
    sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    sender.sendto({ADVERTISEMENT!r}, ("ff02::1", 0, 0, socket.if_nametoindex("wan")))
"""


class Pair:
    """The two, and all that can happen to them.

    text: the configuration with which events happen.
    """

    def __init__(self, line, text=CONFIG):
        self.line, self.text = line, text
        ours, theirs = Pipe()
        self._pipe = ours
        self._process = subprocess.Popen(
            line.router.argv(
                sys.executable, "-B", Path(__file__).with_name("kernel_side.py"), theirs.fileno()
            ),
            pass_fds=[theirs.fileno()],
            env=line.environment(),
        )
        theirs.close()
        self._tunnels = self._has_tunnels()
        self._make_double()

    def _make_double(self):
        """Make a double that starts from what the machine shows and has noted."""
        self.double = FakeHost(self.ask("observe", self.reads()))
        self.double.run_state = self.ask("state")
        self.double.tunnel_error = None if self._tunnels else without_module
        self.double.router_answers = False  # nobody does here, but where advertise() is called

    def reset(self):
        """Let the machine be as after a boot, with a session, and the double be its like."""
        self.theirs = set()  # what other programs have added, see foreign_changes
        self.ask("happen", Event.REMOVE, self.text, None, ())
        shutil.rmtree(self.line.run_directory, ignore_errors=True)
        self.line.router.nft("flush ruleset")
        for name, value in AT_BOOT.items():
            self.line.router.sysctl(name, value)
        self.line.router.ip("link set wan0 down\nlink set wan0 up")
        self._make_double()
        self.connect()
        self.advertise()

    def close(self):
        """End the process in the namespace."""
        self._pipe.close()
        self._process.wait()

    def _has_tunnels(self):
        """Whether this kernel has ip6_tunnel."""
        try:
            self.line.router.ip("link add dualwan-try type ip6tnl")
        except AssertionError:
            return False
        self.line.router.ip("link del dualwan-try")
        return True

    def ask(self, name, *arguments):
        """Return what the process in the namespace answers."""
        self._pipe.send((name, arguments))
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    # --- what is compared ----------------------------------------------------------------

    def reads(self):
        """Return all that any slice may want to read."""
        config = from_text("dualwan.toml", self.text)
        ways = derive_line(config).ways
        return Reads(
            devices=("wan0", "lan0", *(way.device for way in ways)),
            sysctls=tuple(dict.fromkeys(name for one in ALL for name in one.sysctls(config, ways))),
            tables=tuple(TABLES.values()),
            routes=True,
            rules=True,
            ipv6_default="wan0",
        )

    def compare(self, what):
        """Fail where the double shows anything else than the machine, after ``what``."""
        machine = self.ask("observe", self.reads())
        differ(what, _without_indexes(self.double.observe(self.reads())), _without_indexes(machine))
        differ(what, self.double.table_names(), self.ask("table_names"))

    def event(self, event, only=None, refused=()):
        """Let an event happen to both; ``refused``: texts of steps that the kernel refuses.

        Return the outcome, the same for both.
        """
        return self._happen(self.text, event, only, refused)

    def event_without_configuration(self, event):
        """Let an event happen to both whose configuration is gone."""
        return self._happen(None, event, None, ())

    def _happen(self, text, event, only, refused):
        machine = self.ask("happen", event, text, only, refused)
        self.double.refuse = dict.fromkeys(refused, NO_RIGHT)
        double = episode.happen(self.double, event, text, only)
        return self._same(machine, double, event)

    def event_on_full_disk(self, event):
        """Let an event happen to both while nothing can be written to the run directory."""
        machine = self.ask("happen_on_full_disk", event, self.text)
        self.double.refuse = dict.fromkeys(("state.json", "tables/"), "File too large")
        double = episode.happen(self.double, event, self.text)
        return self._same(machine, double, event)

    def event_killed(self, event, at):
        """Let an event happen to both whose process is killed before the step number ``at``."""
        machine = self.ask("happen_killed", event, self.text, at)
        self.double.refuse = ()
        assert episode.killed(self.double, event, self.text, at) == machine
        differ(event, episode.timeless(self.double.run_state), self.ask("state"))
        self.compare(f"{event}, killed")

    def _same(self, machine, double, event):
        differ(event, double, machine)
        self.compare(event)
        if self.double.named_counts:
            asked = (snat.TABLE, snat.SLICE.counts.elements)
            differ(event, self.double.counts(*asked), self.ask("counts", *asked))
        return machine

    # --- what happens outside ------------------------------------------------------------

    def connect(self, address=PPPOE):
        """Let a PPP session come up, with a new device; its other end is the internet's."""
        if "ppp0" in self.double.state.links:
            self.line.router.run("ip", "link", "del", "ppp0")
        self.line.router.ip(f"""
            link add ppp0 type veth peer name ppp netns {self.line.internet.name}
            link set ppp0 up
            address add {address}/32 dev ppp0
        """)
        self.double.connect(address, kind="veth")
        self.compare(f"a session with {address}")

    def unplug(self, device):
        """Let a device disappear."""
        self.line.router.run("ip", "link", "del", device)
        self.double.unplug(device)
        self.compare(f"{device} gone")

    def lose_address(self, device, address):
        """Let somebody else take an address."""
        self.line.router.run("ip", "address", "del", address, "dev", device)
        self.double.lose_address(Address(device, address.partition("/")[0]))
        self.compare(f"{address} gone from {device}")

    def switch(self, device, *, up):
        """Set a device up or down."""
        self.line.router.run("ip", "link", "set", device, "up" if up else "down")
        self.double.switch(device, up=up)
        self.compare(f"{device} {'up' if up else 'down'}")

    def advertise(self):
        """Let the line's router advertise itself on wan0, until the link carries it."""
        self.double.advertise("wan0")
        heard = self.double.state.ipv6_default

        def advertised():
            self.line.internet.run(sys.executable, "-c", ADVERTISE, check=False)
            return self.ask("observe", self.reads()).ipv6_default == heard

        until(advertised)
        self.compare("a router advertisement")

    def set_sysctl(self, name, value):
        """Let somebody else set a sysctl."""
        self.line.router.sysctl(name, value)
        self.double.set_sysctl(name, value)
        self.compare(f"{name} = {value}")

    def flush_ruleset(self):
        """Let somebody else run `nft flush ruleset`."""
        self.line.router.run("nft", "flush", "ruleset")
        self.double.flush_ruleset()
        self.compare("flush ruleset")

    def edit_table(self, name):
        """Let somebody else add a chain to a table."""
        family = TABLES[name].family
        self.line.router.run("nft", "add", "chain", family, name, "edited")
        self.double.edit_table(name)
        self.compare(f"{name} edited")

    def drop_packets(self):
        """Let somebody else take the translation away, and the guard drop what then leaves."""
        self.line.router.run("nft", "flush", "chain", "ip", snat.TABLE.name, "postrouting")
        self.double.edit_table(snat.TABLE.name)
        with self.line.router.udp(SHARED, 40000) as own, suppress(PermissionError):
            own.sendto(b"", (SERVERS[0], 53))  # the guard tells the router's own sockets
        counts = self.ask("counts", snat.TABLE, snat.SLICE.counts.elements)
        assert counts[0]["untranslated"]
        self.double.named_counts, self.double.element_counts = counts
        self.compare("packets dropped")

    def delete_table(self, name):
        """Let somebody else delete a table."""
        self.line.router.run("nft", "delete", "table", TABLES[name].family, name)
        self.double.delete_table(name)
        self.compare(f"{name} deleted")

    def lose_rules(self):
        """Let somebody else delete each ip rule of ours."""
        for rule in self.double.state.rules:
            self.line.router.run("ip", "rule", "del", "priority", rule.priority)
        self.double.state = replace(self.double.state, rules=())
        self.compare("ip rule del")

    def lose_routes(self):
        """Let somebody else flush every route of ours."""
        self.line.router.ip("route flush table all protocol 217")
        self.double.state = replace(self.double.state, routes=())
        self.compare("ip route flush")


def differ(what, double, machine):
    """Fail where the double is not as the machine after ``what``, and show the lines."""
    if double != machine:
        lines = (pformat(one, width=100).splitlines() for one in (double, machine))
        pytest.fail("\n".join((f"{what}:", *unified_diff(*lines, "double", "machine", n=0))))


def _without_indexes(seen):
    """Return what was seen without the numbers of devices, which are the kernel's own choice."""
    links = {name: replace(link, index=0) for name, link in seen.links.items()}
    return replace(seen, links=links)

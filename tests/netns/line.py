"""A router between a LAN and an internet, in network namespaces of their own.

    lan ------------ lan0  router  mape0 ------------ internet (a border relay's far side)
    192.168.1.10           wan0    ppp0  ------------
                                                      198.51.100.1 to .8

mape0 and ppp0 are veth: slices that match interfaces by name apply to whatever has it.
"""

import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

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
LIMIT = 10.0  # seconds that anything may take before a test gives up
# What a run of all slices has to say here, where the tunnel is a veth.
NO_TUNNEL = "dualwan-hook: mape0 (mape.tunnel) is there already, and is no IPv6 tunnel\n"
SHUT = 0.4  # seconds after which an unanswered packet was dropped; an answer takes 1 ms
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
_numbers = count()


def until(condition, limit=LIMIT):
    """Ask CONDITION until it holds, for LIMIT seconds at most; return what it said last."""
    end = time.monotonic() + limit
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return found


def sweep():
    """Remove the namespaces of test runs that were killed."""
    for path in Path("/run/netns").glob("dualwan-test-*"):
        if not Path("/proc", path.name.split("-")[2]).exists():
            subprocess.run(["ip", "netns", "del", path.name], check=False)


class Namespace:
    """A network namespace that is gone with this object's close()."""

    def __init__(self, role):
        self.name = f"dualwan-test-{os.getpid()}-{next(_numbers)}-{role}"
        self.path = f"/run/netns/{self.name}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        self._inside = ThreadPoolExecutor(1, initializer=self._enter)
        self._sockets = []
        self.run("ip", "link", "set", "lo", "up")

    def _enter(self):
        with Path(self.path).open() as handle:
            if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def call(self, function, *arguments):
        """Call FUNCTION in a thread that is in this namespace."""
        return self._inside.submit(function, *arguments).result()

    def open_socket(self, *kind, timeout=LIMIT):
        """Return a socket of this namespace, which the caller's thread may use."""
        made = self.call(socket.socket, *kind)
        made.settimeout(timeout)
        return self.keep(made)

    def keep(self, made):
        """Return the socket MADE, which is closed with the namespace."""
        self._sockets.append(made)
        return made

    def argv(self, *argv):
        """Return the command that runs ARGV here."""
        return ["nsenter", f"--net={self.path}", *map(str, argv)]

    def run(self, *argv, check=True, **options):
        """Run ARGV here and return what it printed."""
        done = subprocess.run(
            self.argv(*argv), check=False, capture_output=True, text=True, **options
        )
        assert not check or done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def ip(self, commands):
        """Run lines of ip's batch mode."""
        self.run("ip", "-batch", "-", input=commands)

    def nft(self, text):
        """Load nft TEXT."""
        self.run("nft", "-f", "-", input=text)

    def sysctl(self, name, value=None):
        """Read, or set to VALUE, a sysctl of this namespace."""
        path = Path("/proc/sys", name)
        if value is not None:
            self.call(path.write_text, value)
        return self.call(path.read_text).strip()

    def mac(self, device):
        """Return the link layer address of DEVICE."""
        return json.loads(self.run("ip", "-j", "link", "show", "dev", device))[0]["address"]

    # --- ends of connections ---------------------------------------------------------------

    def listen(self, port, address="0.0.0.0", family=socket.AF_INET):  # noqa: S104 - in a namespace
        """Return a TCP socket that listens on PORT."""
        server = self.open_socket(family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(1024)
        return server

    def udp(self, address="0.0.0.0", port=0, timeout=LIMIT):  # noqa: S104 - in a namespace
        """Return a UDP socket bound to ADDRESS and PORT."""
        made = self.open_socket(socket.AF_INET, socket.SOCK_DGRAM, timeout=timeout)
        made.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        made.bind((address, port))
        return made

    def ping(self, address, identifiers=(1,), timeout=LIMIT):
        """Send an ICMP echo request for each of IDENTIFIERS; return those that were answered."""
        pinger = self.open_socket(
            socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP, timeout=timeout
        )
        for identifier in identifiers:
            pinger.sendto(echo_request(identifier), (address, 0))
        answered = set()
        with suppress(TimeoutError):
            while answered != set(identifiers):
                packet = pinger.recv(64)
                if packet[20] == 0:
                    answered.add(struct.unpack("!H", packet[24:26])[0])
        return answered

    def connect(self, address, port, timeout=LIMIT):
        """Return a TCP connection from here to ADDRESS and PORT."""
        client = self.open_socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET,
            socket.SOCK_STREAM,
            timeout=timeout,
        )
        client.connect((address, port))
        return client

    def packet_socket(self, device):
        """Return a socket for whole frames on DEVICE."""
        tap = self.call(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        tap.bind((device, 3))
        tap.setblocking(False)
        self._sockets.append(tap)
        return tap

    def sniff(self, device):
        """Return a Sniffer on DEVICE."""
        tap = self.call(socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        tap.bind((device, 3))
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        tap.setblocking(False)
        return Sniffer(self.keep(tap))

    def close(self):
        """Remove the namespace with all that is in it."""
        for made in self._sockets:
            made.close()
        self._inside.shutdown()
        subprocess.run(["ip", "netns", "del", self.name], check=False)


def echo_request(identifier):
    """Return an ICMP echo request (RFC 792)."""
    body = struct.pack("!BBHHH", 8, 0, 0, identifier, 1)
    total = sum(struct.unpack("!4H", body))
    return body[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + body[4:]


class Sniffer:
    """What came in by one device and went out by it, as packets without a link layer."""

    def __init__(self, tap):
        self._tap = tap
        self._seen = []

    def packets(self):
        """Return the IPv4 and IPv6 packets seen so far."""
        with suppress(BlockingIOError):
            while True:
                data, (_, protocol, *_) = self._tap.recvfrom(65535)
                if protocol in (0x0800, 0x86DD):
                    self._seen.append(data)
        return self._seen

    def sources(self):
        """Return the IPv4 source addresses seen so far."""
        return {socket.inet_ntoa(packet[12:16]) for packet in self.packets() if packet[0] >> 4 == 4}

    def segments(self, flags, **ports):
        """Return the TCP headers with FLAGS and the given `sport` or `dport`."""
        found = []
        for packet in self.packets():
            v4 = packet[0] >> 4 == 4
            if packet[9 if v4 else 6] != socket.IPPROTO_TCP:
                continue
            header = packet[(packet[0] & 15) * 4 if v4 else 40 :]
            sport, dport = struct.unpack("!HH", header[:4])
            if (
                header[13] & 0x3F == flags
                and ports.items() <= {"sport": sport, "dport": dport}.items()
            ):
                found.append(header)
        return found


SYN, SYN_ACK = 0x02, 0x12


def mss(header):
    """Return the maximum segment size that a TCP header names."""
    options = header[20 : (header[12] >> 4) * 4]
    while options:
        if options[0] == 2:
            return int.from_bytes(options[2:4])
        options = options[1:] if options[0] == 1 else options[options[1] :]
    return None


class Line:
    """The three namespaces, and dualwan-hook on the router."""

    def __init__(self, folder, config=CONFIG):
        self.folder = folder
        self.config = folder / "dualwan.toml"
        self.config.write_text(config)
        self.run_directory = folder / "run"
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
        """Return a nft table with its handles and counters."""
        return json.loads(self.router.run("nft", "-a", "-t", "-j", "list", "table", family, name))

    def texts(self):
        """Return our own nft tables as nft lists them, without counters."""
        return {
            name: self.router.run("nft", "-s", "list", "table", family, name)
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

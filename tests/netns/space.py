"""Network namespaces, and what tests do in them: programs, sockets, nft, sysctls."""

import ctypes
import json
import os
import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

from sniffer import Sniffer, echo_request

LIMIT = 10.0  # seconds that anything may take before a test gives up
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE, ETH_P_ALL = 33, 3
_numbers = count()


def until(condition, limit=LIMIT):
    """Ask CONDITION until it holds, for LIMIT seconds at most; return what it said last."""
    end = time.monotonic() + limit
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.005)
    return found


def own_mounts(script):
    """Return the command that runs SCRIPT, for the shell, in a mount namespace of its own.

    In a chroot / may be no mount point, and unshare(1) gives up where it cannot make it private;
    the chroot's own namespace keeps the mounts there.
    """
    private = "mount --make-rprivate / 2>/dev/null || true\n"
    return ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", private + script]


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
        return self.tap(device, socket.SOCK_RAW, 1 << 24)

    def sniff(self, device):
        """Return a Sniffer on DEVICE."""
        return Sniffer(self.tap(device, socket.SOCK_DGRAM, 1 << 22))

    def tap(self, device, kind, buffer):
        """Return a packet socket of KIND that hears all of DEVICE and nothing of any other.

        So it has no protocol before it is bound: with one it hears every device until then.
        """
        tap = self.call(socket.socket, socket.AF_PACKET, kind, 0)
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer)
        tap.bind((device, ETH_P_ALL))
        tap.setblocking(False)
        return self.keep(tap)

    def close(self):
        """Remove the namespace with all that is in it."""
        for made in self._sockets:
            made.close()
        self._inside.shutdown()
        subprocess.run(["ip", "netns", "del", self.name], check=False)

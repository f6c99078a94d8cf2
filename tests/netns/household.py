"""A house on a line: its provider, the router with the interfaces of docs/your-lan, and a host.

    provider  wan ---- enp1s0  router  enp3s0 ---- eth0  host

The router's files are those of the documents, to the letter, and what reads them are the programs
of Debian. Its firewall is loaded; there is no tunnel.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import AF_INET6, IPPROTO_ICMPV6, SOCK_DGRAM, SOCK_RAW

from programs import machine_id, program, running
from space import Namespace, until

from dualwan.notice.environment import environment
from dualwan.notice.pending import Notice

ROOT = Path(__file__).parents[2]
SETS = ROOT / "docs/your-lan"
LAN, RESOLVER = "192.168.1.1", "2606:4700:4700::1111"
# Of OCN, which the package has a rule for: one that is announced, and what is delegated.
PREFIX, OTHER = "2400:4050:1234:5600::/64", "2400:4050:1234:5700::/64"
DELEGATED, LENGTH = "2400:4050:1234:5600::", 56
# A router advertisement each 0.2 s (RFC 4861 section 4.2), with the prefixes that are named.
ADVERTISE = """\
import socket, struct, sys, time
flags, lifetimes = int(sys.argv[1]), (7200, 3600)
said = struct.pack("!BBHBBHII", 134, 0, 0, 64, flags, 1800, 0, 0)
for prefix in sys.argv[2:]:
    said += struct.pack("!BBBBIII16s", 3, 4, 64, 0xC0, *lifetimes, 0,
                        socket.inet_pton(socket.AF_INET6, prefix.removesuffix("/64")))
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
while True:
    try:
        sender.sendto(said, ("ff02::1", 0, 0, socket.if_nametoindex("wan")))
    except OSError:
        pass  # the link has no address yet
    time.sleep(0.2)
"""
MANAGED = 0x80
ECHO_REPLY = 129
ICMP6_FILTER = 1  # RFC 3542 section 3.2: a bit for each type that is not to be heard
ECHO_REQUEST = struct.pack("!BBHHH", 128, 0, 0, 1, 1)  # the kernel writes the checksum


class House:
    """The three namespaces. used: the set of files."""

    def __init__(self, folder, used):
        self.folder, self.used, self.running = folder, SETS / used, ExitStack()
        self.provider, self.router, self.host = map(Namespace, ("provider", "router", "host"))
        self.spaces = (self.provider, self.router, self.host)
        for space in self.spaces:  # an address is usable at once
            space.sysctl("net/ipv6/conf/all/accept_dad", "0")
            space.sysctl("net/ipv6/conf/default/accept_dad", "0")
        for device, far, peer in (("enp1s0", self.provider, "wan"), ("enp3s0", self.host, "eth0")):
            self.router.run(
                *("ip", "link", "add", device, "type", "veth", "peer", "name", peer),
                *("netns", far.name),
            )
        self.provider.ip(f"link set wan up\naddress add {RESOLVER}/128 dev lo nodad")
        self.host.sysctl("net/ipv6/conf/eth0/accept_ra", "1")
        self.host.ip("link set eth0 up")
        for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"):
            self.router.sysctl(name, "1")
        self.provider.sysctl("net/ipv6/conf/all/forwarding", "1")
        self.router.sysctl("net/ipv6/conf/enp1s0/accept_ra", "2")

    def close(self):
        """End every program, and remove everything."""
        self.running.close()
        for space in self.spaces:
            space.close()

    def up(self, by_hand=True):
        """Bring the router's interfaces up, the LAN with its IPv4 address if ``by_hand``."""
        for settings in self.used.glob("lan-ra.conf"):
            self.router.run("sysctl", "-q", "-p", settings)
        self.router.ip("link set enp3s0 up\nlink set enp1s0 up")
        if by_hand:
            self.router.ip(f"address add {LAN}/24 dev enp3s0")

    def run(self, space, name, *argv, covers=(), log=None, **environ):
        """Run a program of another package until the end of the test."""
        self.running.enter_context(
            running(space, program(name), *argv, covers=covers, log=log, **environ)
        )

    @contextmanager
    def advertised(self, *prefixes, flags=0):
        """Let the provider advertise itself with ``prefixes``."""
        command = (sys.executable, "-c", ADVERTISE, flags, *prefixes)
        process = subprocess.Popen(self.provider.argv(*command))
        yield
        process.kill()
        process.wait()

    def kea(self):
        """Run a DHCPv6 server of the provider that delegates a prefix; return its log."""
        settings, log = self.folder / "kea.json", self.folder / "kea.log"
        pool = {"prefix": DELEGATED, "prefix-len": LENGTH, "delegated-len": LENGTH}
        subnet = {"id": 1, "subnet": "2001:db8::/64", "interface": "wan", "pd-pools": [pool]}
        text = {
            "interfaces-config": {"interfaces": ["wan"]},
            "lease-database": {"type": "memfile", "persist": False},
            "server-id": {"type": "LL", "persist": False},
            "valid-lifetime": 3600,
            "subnet6": [subnet],
            "loggers": [
                {
                    "name": "kea-dhcp6",
                    "severity": "INFO",
                    "output_options": [{"output": "stdout"}],
                }
            ],
        }
        settings.write_text(json.dumps({"Dhcp6": text}))
        assert until(lambda: self.addresses(self.provider, "wan"))
        folders = {"KEA_PIDFILE_DIR": str(self.folder), "KEA_LOCKFILE_DIR": str(self.folder)}
        self.run(self.provider, "kea-dhcp6", "-c", settings, log=log, **folders)
        assert until(lambda: "DHCP6_STARTED" in log.read_text()), log.read_text()
        return log

    @contextmanager
    def delegating(self, prefix):
        """Let the provider delegate the /56 around a /64, and the end of any other (tests/lab)."""
        server = ROOT / "tests/lab/guest/delegation.py"
        around = prefix.replace("/64", f"/{LENGTH}")
        command = (sys.executable, "-B", server, "wan", around)
        process = subprocess.Popen(self.provider.argv(*command))
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def dnsmasq(self, *files):
        """Run dnsmasq with ``files``, paths below docs/your-lan."""
        settings = self.folder / "dnsmasq.conf"
        lines = [f"conf-file={SETS / name}" for name in files]
        settings.write_text("\n".join([*lines, "user=root", "pid-file=", "no-hosts", ""]))
        log, leases = self.folder / "dnsmasq.log", self.folder / "leases"
        arguments = ("-k", "-C", settings, f"--dhcp-leasefile={leases}", "--log-facility=-")
        self.run(self.router, "dnsmasq", *arguments, log=log)
        assert until(lambda: "started" in log.read_text()), log.read_text()

    def covered(self, *paths):
        """Return (folder, covered folder) pairs, for programs that write there."""
        found = []
        for path in paths:
            own = self.folder / "covers" / path.strip("/").replace("/", "-")
            own.mkdir(parents=True, exist_ok=True)
            found.append((own, path))
        return tuple(found)

    def dualwan(self, *argv):
        """Run dualwan-hook on the router with the set's configuration; return what it said."""
        own = {
            "DUALWAN_CONFIG": str(self.used / "dualwan.toml"),
            "DUALWAN_RUN": str(self.folder / "run"),
            "DUALWAN_STATE": str(self.folder / "lib"),
        }
        command = (sys.executable, "-B", "-m", "dualwan.cli", *argv)
        return self.router.run(*command, env={**os.environ, **own})

    def script(self, name, prefix, event="up"):
        """Run a script of the set as hooks.d runs it; what it asks of systemd is in a file."""
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {self.folder}/systemctl\n')
        (tools / "systemctl").chmod(0o755)
        given = environment(Notice(event, "mape", "mape0", carrier="mape", prefix=prefix))
        given["PATH"] = f"{tools}:{given['PATH']}"
        self.router.run(self.used / name, env=given)

    def addresses(self, space, device, family="inet6"):
        """Return the usable addresses of ``device``, without those of a link."""
        shown = json.loads(space.run("ip", "-j", "address", "show", "dev", device))[0]
        return [
            one["local"]
            for one in shown["addr_info"]
            if one["family"] == family
            and (space is self.provider or one["scope"] == "global")
            and not one.get("deprecated")
        ]

    def of_line(self, space, device, prefix=PREFIX):
        """Return the address of ``device`` that is in ``prefix``, "" for none."""
        start = prefix.split("::")[0] + ":"
        return next((one for one in self.addresses(space, device) if one.startswith(start)), "")

    def reaches(self, space, address):
        """Whether a ping from ``space`` is answered within a second."""
        pinger = space.open_socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, timeout=1)
        # The advertisements of this house come faster than it would give up.
        others = bytearray(b"\xff" * 32)
        others[ECHO_REPLY // 8] &= ~(1 << ECHO_REPLY % 8)
        pinger.setsockopt(IPPROTO_ICMPV6, ICMP6_FILTER, others)
        try:
            pinger.sendto(ECHO_REQUEST, (address, 0))
            pinger.recvfrom(64)
        except OSError:
            return False
        return True

    def link_local(self, space, device):
        """Return the link-local address of ``device``."""
        shown = json.loads(space.run("ip", "-j", "address", "show", "dev", device))[0]
        return next(one["local"] for one in shown["addr_info"] if one["scope"] == "link")

    def asked(self):
        """Return a socket of the resolver that dnsmasq is to ask, by IPv6 alone."""
        made = self.provider.open_socket(AF_INET6, SOCK_DGRAM)
        made.bind((RESOLVER, 53))
        return made


def networkd_root(house):
    """Return covers for systemd-networkd, with the set's files in its folder."""
    covers = house.covered("/run/systemd", "/etc/systemd/network")
    links = covers[0][0] / "netif" / "links"
    for path in (links, links.parent / "leases", links.parent / "lldp"):
        path.mkdir(parents=True)
    for path in (links.parent, *links.parent.iterdir()):
        shutil.chown(path, "systemd-network")
    for path in house.used.glob("*.network"):
        shutil.copy(path, covers[1][0])
    return (*covers, machine_id(house.folder))

"""A device on the WAN's Ethernet that plays the line's router, against the real kernel."""

import json
import subprocess
import sys

import pytest
from line import CONFIG
from space import until

# A router that announces itself once, and whenever it is solicited (RFC 4861 section 6.2.6).
ROUTER = """\
import socket, struct, sys
device, source, lifetime, *prefixes = sys.argv[1:]
said = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, int(lifetime), 0, 0)
for one in prefixes:
    prefix, preferred = one.split("=")
    prefix, _, length = prefix.partition("/")
    said += struct.pack("!BBBBIII16s", 3, 4, int(length or 64), 0xC0, 0xFFFFFFFF,
                        int(preferred, 0), 0, socket.inet_pton(socket.AF_INET6, prefix))
index = socket.if_nametoindex(device)
one = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
membership = socket.inet_pton(socket.AF_INET6, "ff02::2") + struct.pack("@I", index)
one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
one.bind((source, 0, 0, index))
hears = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
one.sendto(said, ("ff02::1", 0, 0, index))
print("ready", flush=True)
while True:
    if hears.recv(4096)[0] == 133:
        one.sendto(said, ("ff02::1", 0, 0, index))
"""
# What the router of a line derives now, and from what.
ASK = """\
import json, sys
from pathlib import Path
from dualwan.config import load
from dualwan.host.kernel import KernelHost
from dualwan.model.event import Event
from dualwan.planning import make_plan
host = KernelHost()
prefixes = host.prefixes("wan0")  # before the plan, which may ask the line's router
plan = make_plan(load(Path(sys.argv[1])), host, Event.APPLY)
print(json.dumps([plan.line.prefix, prefixes, plan.state.prefix]))
"""
OURS, NEXT, THEIRS = "2400:4050:5c71:af00::", "2400:4050:5c71:b000::", "2404:7a80:1:200::"
LINE, ROGUE = "fe80::1", "fe80::bad"
WEEK, FOREVER, GONE = "604800", "0xFFFFFFFF", "0"
AUTO = CONFIG[: CONFIG.index('provider = "manual"')] + CONFIG[CONFIG.index("\n[pppoe]") :]


class Access:
    """A router, and what sits on its WAN."""

    def __init__(self, line):
        self.line, self._running = line, {}
        for address in (LINE, ROGUE):
            line.internet.ip(f"address add {address}/64 dev wan nodad")
        line.router.sysctl("net/ipv6/conf/all/forwarding", "0")  # as before the first ifup

    def announce(self, source, lifetime, *prefixes):
        """Let a router announce PREFIXES, with their preferred lifetimes, from now on."""
        self.silence(source)
        self._running[source] = process = subprocess.Popen(
            self.line.internet.argv(
                sys.executable, "-c", ROUTER, "wan", source, str(lifetime), *prefixes
            ),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "ready\n"

    def silence(self, source):
        """Let a router say nothing more."""
        if process := self._running.pop(source, None):
            process.kill()
            process.wait()
            process.stdout.close()

    def close(self):
        """Let nobody say anything more."""
        for source in [*self._running]:
            self.silence(source)

    def prefixes(self):
        """Return the prefixes that the kernel would use, in the order of their lifetimes."""
        return self._asked()[1]

    def in_use(self):
        """Let the router follow the line; return the prefix that the next run begins with."""
        self.line.hook()
        derived, _, noted = self._asked()
        assert derived == noted
        return derived.removesuffix("/64")

    def _asked(self):
        done = self.line.python(ASK, str(self.line.config))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(name="access")
def _access(bare):
    """Return a router in use on a line that announces OURS."""
    made = Access(bare(config=AUTO))
    made.announce(LINE, 1800, f"{OURS}={WEEK}")
    assert until(lambda: made.prefixes() == [f"{OURS}/64"])
    made.line.complaint("ifup", IFACE="wan0")
    assert made.in_use() == OURS
    yield made
    made.close()


@pytest.mark.parametrize("lifetime", [0, 9000])
def test_a_prefix_that_lives_for_ever_changes_nothing(access, lifetime):
    """Of a router that is none, or that says it is one too: the kernel prefers it, we do not."""
    access.announce(ROGUE, lifetime, f"{THEIRS}={FOREVER}")
    assert until(lambda: access.prefixes() == [f"{THEIRS}/64", f"{OURS}/64"])
    for _ in range(2):
        assert access.in_use() == OURS


def test_only_the_line_takes_its_prefix_back(access):
    """The false one deprecates it, and the kernel believes that; the line's router is asked."""
    access.announce(ROGUE, 0, f"{OURS}={GONE}", f"{THEIRS}={FOREVER}")
    access.silence(ROGUE)
    assert until(lambda: access.prefixes() == [f"{THEIRS}/64"])
    assert access.in_use() == OURS
    # The answer has put it right in the kernel too.
    assert until(lambda: f"{OURS}/64" in access.prefixes())
    assert access.in_use() == OURS


def test_after_a_boot_the_lines_prefix_is_taken(access):
    """Both are there from the beginning, and nothing is known of before."""
    access.announce(ROGUE, 0, f"{THEIRS}={FOREVER}")
    assert until(lambda: access.prefixes() == [f"{THEIRS}/64", f"{OURS}/64"])
    assert access.line.hook("down").returncode == 0
    (access.line.run_directory / "state.json").unlink()
    access.line.router.sysctl("net/ipv6/conf/wan0/accept_ra", "2")
    access.announce(LINE, 1800, f"{OURS}={WEEK}")
    assert until(lambda: "default" in access.line.router.run("ip", "-6", "route"))
    assert access.in_use() == OURS


@pytest.mark.parametrize("others", ["nobody", "a false router"])
def test_a_line_that_only_announces_another_prefix_is_followed(access, others):
    """Its router was rebooted: nothing takes the old prefix back, which lives on for days."""
    if others != "nobody":
        access.announce(ROGUE, 9000, f"{THEIRS}={FOREVER}")
        assert until(lambda: f"{THEIRS}/64" in access.prefixes())
        assert access.in_use() == OURS
    access.announce(LINE, 1800, f"{NEXT}={WEEK}")
    assert until(lambda: {f"{OURS}/64", f"{NEXT}/64"} <= {*access.prefixes()})
    assert access.in_use() == NEXT
    assert access.in_use() == NEXT


def test_a_false_router_cannot_play_a_line_that_was_renumbered(access):
    """Not even while it keeps the line's router from answering."""
    access.announce(ROGUE, 9000, f"{NEXT}={FOREVER}")
    access.silence(LINE)
    assert until(lambda: access.prefixes() == [f"{NEXT}/64", f"{OURS}/64"])
    assert until(lambda: ROGUE in access.line.router.run("ip", "-6", "route"))
    for _ in range(2):
        assert access.in_use() == OURS


@pytest.mark.parametrize("how", ["deprecated", "gone"])
def test_a_renumbering_of_the_line_is_followed(access, how):
    """Its router announces another prefix and takes back the old one, or its address is gone."""
    old = [f"{OURS}={GONE}"] if how == "deprecated" else []
    access.announce(LINE, 1800, f"{NEXT}={WEEK}", *old)
    if how == "gone":
        [address] = [
            word
            for word in access.line.router.run("ip", "-6", "address", "show", "wan0").split()
            if word.startswith(OURS.removesuffix("::"))
        ]
        access.line.router.ip(f"address del {address} dev wan0")
    assert until(lambda: access.prefixes() == [f"{NEXT}/64"])
    assert access.in_use() == NEXT


def test_a_host_of_the_lan_that_is_announced_on_the_wan_is_named(access):
    """The kernel believes that it is there, whoever says so; status says what to look for."""
    line = access.line
    assert "lan-route-by-wan" not in line.hook("status", "--json").stdout
    access.announce(ROGUE, 0, f"2001:db8:1::10/128={FOREVER}")
    assert until(
        lambda: "dev wan0" in line.router.run("ip", "-6", "route", "get", "2001:db8:1::10")
    )
    told = line.hook("status").stdout
    assert "packets for 2001:db8:1::10/128, which is of 2001:db8:1::/64 on lan0, are routed" in told
    access.silence(ROGUE)
    line.router.run("ip", "-6", "route", "del", "2001:db8:1::10/128", "dev", "wan0")
    assert "are routed to wan0" not in line.hook("status").stdout

"""What the line says wakes the watcher, and what is asked of the line is asked as RFC 4861 says."""

import os
import select
import socket
import struct
from contextlib import contextmanager

import pytest
from space import LIMIT, until

# Writes "woke" each time the watcher would say that the line has changed.
WATCHING = """\
import os
from dualwan.host.kernel import KernelHost
from dualwan.host.watch import Watch
host, ears, known = KernelHost(), Watch(), "nothing"
while True:
    line = host.line_state("wan0")
    if line == known:
        ears.wait()
    else:
        known = line
        os.write(1, b"woke\\n")
"""
SOLICIT = """\
from dualwan.host.kernel import KernelHost
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Solicitation
KernelHost().apply(Step(Action.ADD, Solicitation("wan0")))
"""


@contextmanager
def watching(line):
    """Watch wan0 on the router; gives a function that waits for it to wake: how often it did."""
    with line.start(WATCHING) as process:

        def woke(limit=LIMIT):
            ready, _, _ = select.select([process.stdout], [], [], limit)
            return os.read(process.stdout.fileno(), 4096).count(b"woke\n") if ready else 0

        try:
            yield woke
        finally:
            process.kill()


CHANGES = [
    pytest.param("address add 2001:db8:77:100::5/64 dev wan0 nodad", id="a prefix"),
    pytest.param("address del 2001:db8:0:100::5/64 dev wan0", id="a prefix that goes"),
    pytest.param(
        "address change 2001:db8:0:100::5/64 dev wan0 preferred_lft 0 valid_lft 600",
        id="a prefix taken back",
    ),
    pytest.param("-6 route add default via fe80::1 dev wan0", id="a default route"),
    pytest.param("link set wan0 down", id="the link down"),
    pytest.param("link del wan0", id="the device gone"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_line_changes_wakes_the_watcher(bare, change):
    """Once each, within a second or so; a device that goes loses its addresses first."""
    line = bare()
    line.router.ip("address add 2001:db8:0:100::5/64 dev wan0 nodad")
    with watching(line) as woke:
        assert woke() == 1  # how it was found
        line.router.run("ip", *change.split())
        assert woke() in ({1, 2} if change.startswith("link del") else {1})


def test_what_tells_nothing_new_wakes_nobody(bare):
    """Another address of the same prefix, a lifetime, a host address, another device.

    A prefix that comes afterwards does.
    """
    line = bare()
    line.router.ip("address add 2001:db8:0:100::5/64 dev wan0 nodad")
    with watching(line) as woke:
        assert woke() == 1
        line.router.ip("""
            address add 2001:db8:0:100::7/64 dev wan0 nodad
            address change 2001:db8:0:100::5/64 dev wan0 preferred_lft 500 valid_lft 600
            address add 2001:db8:0:100:99::/128 dev wan0 nodad
            address add fd00::5/64 dev wan0 nodad
            address add 2001:db8:9::5/64 dev lan0 nodad
            address add 192.0.2.99/32 dev wan0
        """)
        assert woke(limit=1.2) == 0  # more than twice what the watcher waits for the rest
        line.router.ip("address add 2001:db8:77:100::5/64 dev wan0 nodad")
        assert woke() == 1


def test_a_device_that_comes_back_wakes(bare):
    """It is another one, of the same name."""
    line = bare()
    with watching(line) as woke:
        assert woke() == 1
        line.router.run("ip", "link", "del", "wan0")
        assert woke() == 1
        line.router.run("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "wan9")
        assert woke() == 1


# --- a router solicitation ---------------------------------------------------------------


def checksum_of(packet):
    """Return what the ones' complement sum over pseudo header and message comes to (RFC 4443)."""
    message = packet[40:]
    whole = packet[8:40] + struct.pack("!II", len(message), packet[6]) + message
    total = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_a_router_is_asked_as_the_rfc_says(bare):
    """Section 4.1: type 133, code 0, hop limit 255, to all routers, with a right checksum.

    The kernel asks by itself while a link comes up, so the router has forwarding on, with
    which it never does.
    """
    line = bare()
    assert line.router.sysctl("net/ipv6/conf/wan0/forwarding") == "1"
    tap, beside = line.internet.sniff("wan"), line.lan.sniff("eth0")
    own = line.router.mac("wan0")
    done = line.python(SOLICIT)
    assert (done.returncode, done.stderr) == (0, "")

    def ours():
        return [
            packet
            for packet in tap.packets()
            if packet[0] >> 4 == 6
            and packet[6] == 58
            and packet[40] == 133
            and packet[8:24] == link_local(own)
        ]

    assert until(ours)
    [packet] = ours()
    assert (packet[7], packet[24:40]) == (255, socket.inet_pton(socket.AF_INET6, "ff02::2"))
    assert packet[40:42] == bytes([133, 0])
    assert packet[44:48] == bytes(4)
    assert len(packet) == 48
    assert checksum_of(packet) == 0xFFFF
    assert not any(packet[8:24] == link_local(own) for packet in beside.packets())


def link_local(mac):
    """Return the link-local address that follows from ``mac`` (RFC 4291 appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return (
        bytes.fromhex("fe80000000000000")
        + bytes([octets[0] ^ 2])
        + octets[1:3]
        + b"\xff\xfe"
        + octets[3:]
    )


def test_nobody_is_asked_on_a_device_that_is_not_there(bare):
    """The kernel's word, by the device's name."""
    line = bare()
    line.router.run("ip", "link", "del", "wan0")
    done = line.python(SOLICIT)
    assert done.stderr.splitlines()[-1].startswith(
        "dualwan.errors.KernelError: router solicitation on wan0: "
    )

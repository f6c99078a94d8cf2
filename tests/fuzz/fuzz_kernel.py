"""What the kernel and the line say: netlink messages and packets, cut and changed."""

import json
import os
import socket
import struct
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import rtnetlink
from advertisements import RA, option
from fuzz_netfilter import TABLES
from fuzzing import Target, nftables
from nf_messages import end
from ping_wire import answer as pong
from probe_frames import ECHO, OURS, PROBE, TOKEN, icmpv6

from dualwan.errors import HostError, KernelError
from dualwan.host import news, nfnetlink, nft, ping, program, watch
from dualwan.host.around import addresses, chains
from dualwan.host.evidence import ear, frames, window
from dualwan.host.netlink import Netlink
from dualwan.host.prefix import line_state
from dualwan.host.rtnl_message import Message, is_known
from dualwan.model.evidence import Inquiry
from dualwan.model.resources import RTPROT_DUALWAN

MESSAGES = tuple(
    one.data
    for one in (
        rtnetlink.link("wan0", 2),
        rtnetlink.ip6tnl("mape0", 3),
        rtnetlink.address("2001:db8:0:100::5", 2, 64),
        rtnetlink.address("2001:db8::1", 2, 128),
        rtnetlink.address("203.0.113.7", 7, 32, peer="203.0.113.1"),
        rtnetlink.route(oif=3, protocol=RTPROT_DUALWAN),
        rtnetlink.route(10, oif=2, protocol=9),
        rtnetlink.rule(100, 100, source="203.0.113.7"),
        rtnetlink.rule(90, 254, mark=1, mask=3, suppress=0),
    )
)


def _rtnetlink(data):
    """Read links, addresses, tunnels, routes and rules of a kernel that says ``data`` too."""
    try:
        messages = [*_read(b"".join(MESSAGES[:2])), *_read(data)]
    except OSError:
        return  # the socket tells of it
    reading = Netlink()
    reading._socket = rtnetlink.Kernel(*messages)
    for look in (
        lambda: reading.look(["wan0", "mape0"]),
        reading.routes,
        reading.rules,
        lambda: reading.rules_of_others(100),
        reading.all_tunnels,
        lambda: line_state(reading.ipr, "wan0"),
    ):
        try:
            look()
        except KernelError:
            continue


def _read(data):
    """Return what host.rtnl makes of an answer."""
    parts = nfnetlink.contents(data)
    return [Message(kind, body) for kind, _, _, body in parts if is_known(kind)]


def _addresses(data):
    """List the router's own addresses of a kernel that says ``data`` too."""
    waiting = [data, MESSAGES[2] + MESSAGES[4], end()]
    kernel = SimpleNamespace(settimeout=bool, send=bool, recv=lambda _: waiting.pop(0))
    opened = addresses.socket.socket
    addresses.socket.socket = lambda *_: nullcontext(kernel)
    try:
        addresses.look()
    finally:
        addresses.socket.socket = opened


def _news(data):
    """Let a listener read it, as from either socket."""
    listening = watch.Watch.__new__(watch.Watch)
    listening._by, listening._urgent, listening._touched = {}, False, False
    listening._repeats = news.Repeats()
    for read in (listening._of_route, news.of_nft):
        waiting = [data]
        source = SimpleNamespace(recv=lambda *_: waiting.pop() if waiting else b"")  # noqa: B023 - called in this round only
        listening._read(source, read)


def _nft_says(data):
    """Let nft list chains and tables so; see host.around.chains."""
    objects, effective = nft.Nft.objects, os.geteuid
    text = data.decode("utf-8", "replace")
    before = sys.modules.get("nftables")
    sys.modules["nftables"] = nftables(lambda _: (0, text, ""))
    os.geteuid = lambda: 0
    saved, text_of, others = program.output, nft.Nft.text, chains._has_others
    program.output = lambda _: (1, "", "")
    chains._has_others = lambda: True
    nft.Nft.text = lambda *_: text
    try:
        chains.look()
        nft.Nft().chains("ip")
    except KernelError:
        return
    finally:
        os.geteuid = effective
        program.output, nft.Nft.text, chains._has_others = saved, text_of, others
        sys.modules.pop("nftables")
        if before:
            sys.modules["nftables"] = before
        assert nft.Nft.objects is objects


ASK = Inquiry(
    wan="wan0",
    ce="2001:db8:0:100:99:f000:0:100",
    br="2001:db8:ffff::9",
    ipv4=OURS,
    probes=(PROBE, ECHO),
    discover=True,
    seconds=0.1,
)


def _packet(data):
    """Let a diagnosis hear it in each role."""
    hearing = window._Window(
        Inquiry(**{**vars(ASK), "ce": ""}), SimpleNamespace(), SimpleNamespace()
    )
    hearing.ask, hearing._token = ASK, TOKEN
    heard = ear.heard
    try:
        for protocol, outgoing in ((0x86DD, False), (0x86DD, True), (frames.ETH_PPPOE, False)):
            waiting = [ear.Packet(protocol, data[:256], outgoing, "02:00:00:00:00:01")]
            ear.heard = lambda _: waiting.pop() if waiting else None  # noqa: B023 - called in this round only
            hearing._hear()
    finally:
        ear.heard = heard
    frames.read_inner(data, OURS, TOKEN)
    hearing.heard()
    hearing._complete()


def _pong(data):
    """Wait for the answer to a ping, and get this."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        far.send(data[:60000])
        until = ping.time.monotonic() + 0.0005
        ping._heard(near, TOKEN, wanted=True, until=until)


PPP = struct.pack("!BBHH", 0x11, 7, 0, 24) + b"\1\3\0\x08" + TOKEN + b"\1\2\0\4acac" + b"\1\1\0\0"
PREFIX = bytes([3, 4, 64, 0xC0]) + bytes(12) + bytes.fromhex("20010db800000100") + bytes(8)
FROM = "fe80::1"
PACKETS = (
    icmpv6(FROM, RA + PREFIX + option(25, 600, "2001:db8:53::53")),
    icmpv6(FROM, bytes([135, 0, 0, 0, 0, 0, 0, 0]) + bytes(15) + b"\1"),
    icmpv6("2001:db8::1", bytes([129, 0, 0, 0, 0, 0, 0, 1]) + TOKEN),
    icmpv6("2001:db8::1", bytes([2, 0, 0, 0, 0, 0, 5, 0]) + icmpv6("2001:db8::2", bytes(20))),
    icmpv6(FROM, b"")[:6] + b"\4" + icmpv6(FROM, b"")[7:] + frames.inner(PROBE, OURS, TOKEN),
    frames.inner(ECHO, OURS, TOKEN),
    PPP,
)
LISTED = {
    "nftables": [
        {"metainfo": {"version": "1.1.3"}},
        {
            "chain": {
                "family": "ip",
                "table": "filter",
                "name": "FORWARD",
                "handle": 1,
                "type": "filter",
                "hook": "forward",
                "prio": 0,
                "policy": "accept",
            }
        },
        {
            "rule": {
                "family": "ip",
                "table": "filter",
                "chain": "FORWARD",
                "handle": 2,
                "expr": [{"xt": None}, {"drop": None}],
            }
        },
    ]
}

TARGETS = (
    Target("rtnetlink", _rtnetlink, MESSAGES, ()),
    Target("addresses", _addresses, MESSAGES[2:5], ()),
    Target("news", _news, (*MESSAGES, *TABLES.values()), ()),
    Target("nft-says", _nft_says, (json.dumps(LISTED).encode(),), (HostError,)),
    Target("packet", _packet, PACKETS, ()),
    Target("ping-reply", _pong, (pong(TOKEN), pong(TOKEN, options=3), pong(TOKEN, kind=8)), ()),
)

"""What the kernel and the line say: netlink messages and packets, cut and changed."""

import json
import os
import socket
import struct
import sys
from types import SimpleNamespace

import nf_messages
import rtnetlink
from advertisements import RA, option
from fuzzing import Target
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg
from test_conntrack import entry
from test_evidence_frames import ECHO, OURS, PROBE, TOKEN, icmpv6
from test_nft_handles import chain, generation, rule, table
from test_ping import answer as pong

from dualwan.errors import HostError, KernelError
from dualwan.host import conntrack, nfnetlink, nft, nft_counts, nft_handles, nft_names, ping, watch
from dualwan.host.around import chains
from dualwan.host.evidence import ear, frames, window
from dualwan.host.netlink import Netlink
from dualwan.host.prefix import line_state
from dualwan.model.evidence import Inquiry
from dualwan.model.observed import TableId
from dualwan.model.resources import RTPROT_DUALWAN

READERS = {16: ifinfmsg, 20: ifaddrmsg, 24: rtmsg, 32: fibmsg}
MESSAGES = tuple(
    bytes(one.data)
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
    messages = [_decoded(one) for one in MESSAGES[:2]]
    try:
        kind = struct.unpack_from("=H", data, 4)[0]
        messages.append(_decoded(data, READERS.get(kind)))
    except DECODING:
        return  # pyroute2 tells of it, in its own way, before anything of ours
    reading = Netlink()
    reading._socket = rtnetlink.Kernel(*messages)  # noqa: SLF001 - for IPRoute
    for look in (
        lambda: reading.look(["wan0", "mape0"]),
        reading.routes,
        reading.rules,
        reading.rules_of_others,
        reading.all_tunnels,
        lambda: line_state(reading.ipr, "wan0"),
    ):
        try:
            look()
        except KernelError:
            continue


def _decoded(data, reader=None):
    made = (reader or READERS[struct.unpack_from("=H", data, 4)[0]])(data)
    made.decode()
    made["header"]["type"]
    return made


DECODING = (Exception,)


class _Answering:
    """A socket to a kernel that gives a changed answer to the first question, then good ones."""

    def __init__(self, data):
        self.data = data

    def __call__(self, *_):
        return self

    def settimeout(self, _seconds):
        """See socket."""

    def close(self):
        """See socket."""

    def send(self, asked):
        """Take a question."""
        self.kind = struct.unpack_from("=H", asked, 4)[0]

    def recv(self, _size):
        """Return the changed answer once, then the end of a dump, which is also a confirmation."""
        if self.data:
            data, self.data = self.data, b""
            return data
        if self.kind == nfnetlink.NF_TABLES | nfnetlink.GET_GENERATION:
            return generation(1)
        if self.kind == nfnetlink.CONNTRACK | conntrack.DELETE:
            return nf_messages.refusal(0)
        return nf_messages.end()


def _asking(*functions):
    def run(data):
        opened = nfnetlink.socket.socket
        for function in functions:
            nfnetlink.socket.socket = _Answering(data)
            try:
                function()
            except (OSError, KernelError):
                continue
            finally:
                nfnetlink.socket.socket = opened

    return run


def _news(data):
    """Let a listener read it, as from either socket."""
    listening = watch.Watch.__new__(watch.Watch)
    listening._by, listening._urgent, listening._touched = {}, False, False  # noqa: SLF001
    for read in (watch.news.of_route, watch.news.of_nft):
        waiting = [data]
        source = SimpleNamespace(recv=lambda *_: waiting.pop() if waiting else b"")  # noqa: B023
        listening._read(source, read)  # noqa: SLF001 - without a socket


def _nft_says(data):
    """Let nft list chains and tables so; see host.around.chains."""
    objects, effective = nft.Nft.objects, os.geteuid
    text = data.decode("utf-8", "replace")
    module = SimpleNamespace(
        Nftables=lambda: SimpleNamespace(
            set_json_output=lambda _: None,
            set_terse_output=lambda _: None,
            cmd=lambda _: (0, text, ""),
        )
    )
    before = sys.modules.get("nftables")
    sys.modules["nftables"] = module
    os.geteuid = lambda: 0
    saved, text_of = chains.program.output, nft.Nft.text
    chains.program.output = lambda _: (1, "", "")
    nft.Nft.text = lambda *_: text
    try:
        chains.look()
        nft.Nft().chains("ip")
    except KernelError:
        return
    finally:
        os.geteuid = effective
        chains.program.output, nft.Nft.text = saved, text_of
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
    hearing = window._Window(  # noqa: SLF001 - without sockets
        Inquiry(**{**vars(ASK), "ce": ""}), SimpleNamespace(), SimpleNamespace()
    )
    hearing.ask, hearing._token = ASK, TOKEN  # noqa: SLF001
    heard = ear.heard
    try:
        for protocol, outgoing in ((0x86DD, False), (0x86DD, True), (frames.ETH_PPPOE, False)):
            waiting = [ear.Packet(protocol, data[:256], outgoing, "02:00:00:00:00:01")]
            ear.heard = lambda _: waiting.pop() if waiting else None  # noqa: B023
            hearing._hear()  # noqa: SLF001
    finally:
        ear.heard = heard
    frames.read_inner(data, OURS, TOKEN)
    hearing.heard()
    hearing._complete()  # noqa: SLF001


def _pong(data):
    """Wait for the answer to a ping, and get this."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        far.send(data[:60000])
        ping._answered(near, TOKEN, ping.time.monotonic() + 0.0005)  # noqa: SLF001 - a socket of ours


T = TableId("ip", "t")
NF = (
    generation(5),
    table(),
    chain(comment="by dualwan-hook, 0123456789abcdef"),
    rule(),
    table() + nf_messages.end(),
    nf_messages.answer(
        9,
        *(nf_messages.text(1, "t"), nf_messages.text(2, "s"), nf_messages.number(3, 0)),
        nf_messages.nested(9, nf_messages.number(1, 5)),
    ),
    nf_messages.answer(
        12,
        nf_messages.text(1, "t"),
        nf_messages.text(2, "s"),
        nf_messages.nested(
            3,
            nf_messages.nested(
                1,
                nf_messages.nested(1, nf_messages.attribute(1, bytes([192, 168, 1, 2]))),
                nf_messages.nested(
                    7,
                    nf_messages.text(1, "counter"),
                    nf_messages.nested(2, nf_messages.number(2, 7, 8)),
                ),
            ),
        ),
    ),
    nf_messages.answer(
        18,
        *(nf_messages.text(1, "t"), nf_messages.text(2, "no_port"), nf_messages.number(3, 1)),
        nf_messages.nested(4, nf_messages.number(2, 9, 8)),
    ),
    nf_messages.refusal(1),
)
CT = (
    entry(
        6,
        ("192.168.1.2", "198.51.100.1", (2, 5000), (3, 443)),
        ("198.51.100.1", OURS, (2, 443), (3, 1040)),
    ),
    entry(1, ("192.168.1.2", "198.51.100.1", (4, 7)), ("198.51.100.1", OURS, (4, 1041))),
)
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
    Target(
        "nfnetlink",
        _asking(
            nft_names.names,
            nft_handles.generation,
            lambda: nft_handles.look([T]),
            lambda: nft_counts.counts("ip", "t", "s"),
        ),
        NF,
        (),
    ),
    Target(
        "conntrack",
        _asking(
            lambda: conntrack.flows_from(OURS),
            lambda: conntrack.forget_flows(OURS),
            lambda: conntrack.forget_inbound_flows(bool, (22,)),
        ),
        CT,
        (),
    ),
    Target("news", _news, (*MESSAGES, *NF), ()),
    Target("nft-says", _nft_says, (json.dumps(LISTED).encode(),), (HostError,)),
    Target("packet", _packet, PACKETS, ()),
    Target("ping-reply", _pong, (pong(TOKEN), pong(TOKEN, options=3), pong(TOKEN, kind=8)), ()),
)

"""What netfilter answers over netlink: tables, elements, counters, flows, cut and changed."""

import struct
from zlib import crc32

import nf_messages
from conntrack_entries import entry
from fuzzing import Target
from nf_messages import attribute, nested, number, text
from nft_objects import a_set, chain, counter, flowtable, generation, rule, table
from probe_frames import OURS

from dualwan.errors import KernelError
from dualwan.host import conntrack, nfnetlink, nft_counts, nft_handles, nft_names
from dualwan.host.nfnetlink import CONNTRACK, NF_TABLES
from dualwan.model.observed import TableId

LARGEST = 1 << 64  # no number of the kernel's is as large

T = TableId("ip", "t")
ELEMENTS = nf_messages.answer(
    12,
    text(1, "t"),
    text(2, "s"),
    nested(
        3,
        nested(
            1,
            nested(1, attribute(1, bytes([192, 168, 1, 2]))),
            nested(7, text(1, "counter"), nested(2, number(2, 7, 8))),
        ),
        nested(
            1,
            nested(1, attribute(1, bytes([192, 168, 1, 3]))),
            nested(11, nested(1, text(1, "counter"), nested(2, number(2, 1, 8)))),
        ),
    ),
)
FLOWS = (
    entry(
        6,
        ("192.168.1.2", "198.51.100.1", (2, 5000), (3, 443)),
        ("198.51.100.1", OURS, (2, 443), (3, 1040)),
    ),
    entry(1, ("192.168.1.2", "198.51.100.1", (4, 7)), ("198.51.100.1", OURS, (4, 1041))),
)
# Of each question: what follows what is changed, or stands in its place.
TABLES = {
    NF_TABLES | nfnetlink.GET_TABLE: table(),
    NF_TABLES | nfnetlink.GET_CHAIN: chain(comment="by dualwan-hook, 0123456789abcdef"),
    NF_TABLES | nfnetlink.GET_RULE: rule(),
    NF_TABLES | nfnetlink.GET_SET: a_set(),
    NF_TABLES | nfnetlink.GET_ELEMENTS: ELEMENTS,
    NF_TABLES | nfnetlink.GET_OBJECT: counter(packets=9),
    NF_TABLES | nfnetlink.GET_FLOWTABLE: flowtable(),
    NF_TABLES | nfnetlink.GET_GENERATION: generation(1),
}
ENTRIES = {
    CONNTRACK | conntrack.GET: FLOWS[0],
    CONNTRACK | conntrack.DELETE: nf_messages.refusal(0),
}
AT_ONCE = (NF_TABLES | nfnetlink.GET_GENERATION, CONNTRACK | conntrack.DELETE)  # no listing


class _Kernel:
    """A socket to a kernel that gives ``data`` to the questions of a kind, good answers to others.

    That is the kind that the message in ``data`` is an answer to, or another one.
    """

    def __init__(self, answers, data):
        self.answers, self.data, self.waiting = answers, data, []
        wanted = struct.unpack_from("=H", data, 4)[0] + 1 if len(data) >= 6 else 0
        self.changed = wanted if wanted in answers else [*answers][crc32(data) % len(answers)]

    def __call__(self, *_):
        return self

    def settimeout(self, _seconds):
        """See socket."""

    def close(self):
        """See socket."""

    def send(self, asked):
        """Take a question."""
        kind = struct.unpack_from("=H", asked, 4)[0]
        good = self.answers[kind] + (b"" if kind in AT_ONCE else nf_messages.end())
        self.waiting = [self.data, good] if kind == self.changed else [good]

    def recv(self, size):
        """Return what is left of the answer."""
        return self.waiting.pop(0)[:size]


def _asking(answers, *functions):
    def run(data):
        opened = nfnetlink.socket.socket
        for function in functions:
            nfnetlink.socket.socket = _Kernel(answers, data)
            try:
                function()
            except (OSError, KernelError):
                continue
            finally:
                nfnetlink.socket.socket = opened

    return run


def _look():
    found, _ = nft_handles.look([T])
    assert 0 <= found < LARGEST


def _count():
    for counts in nft_counts.counts("ip", "t", "s"):
        assert all(0 <= one < LARGEST for one in counts.values())


def _list_flows():
    for one in conntrack.flows_from(OURS):
        assert all(0 <= port < LARGEST for port in (one.port, one.destination_port))


TARGETS = (
    Target(
        "nfnetlink",
        _asking(TABLES, nft_names.names, nft_handles.generation, _look, _count),
        (*TABLES.values(), table() + nf_messages.end(), nf_messages.refusal(1)),
        (),
    ),
    Target(
        "conntrack",
        _asking(
            ENTRIES,
            _list_flows,
            lambda: conntrack.forget_flows(OURS),
            lambda: conntrack.forget_inbound_flows(bool, lambda one: one.port == 22),
        ),
        (*FLOWS, nf_messages.refusal(22)),
        (),
    ),
)

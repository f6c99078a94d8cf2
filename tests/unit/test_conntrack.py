"""The flows of an address: what the kernel is asked, and what its messages mean."""

import errno
import socket
import struct

import pytest
from conntrack_entries import begun, entry
from nf_messages import Kernel, answer, end, nested, number, refusal

from dualwan.errors import KernelError
from dualwan.host import conntrack, nfnetlink
from dualwan.model.usage import Flow

DONE = refusal(0)


TCP = entry(
    6,
    ("192.168.1.10", "198.51.100.1", (2, 50000), (3, 443)),
    ("198.51.100.1", "192.0.2.18", (2, 443), (3, 1040)),
)
UDP = entry(
    17,
    ("192.168.1.10", "198.51.100.1", (2, 3074), (3, 443)),
    ("198.51.100.1", "192.0.2.18", (2, 443), (3, 2064)),
)
ICMP = entry(1, ("192.168.1.11", "198.51.100.2", (4, 7)), ("198.51.100.2", "192.0.2.18", (4, 1041)))
GRE = entry(
    47,
    ("192.168.1.10", "198.51.100.1", (2, 9), (3, 9)),
    ("198.51.100.1", "192.0.2.18", (2, 9), (3, 9)),
)
FLOWS = (
    Flow("tcp", "192.168.1.10", "198.51.100.1", 443, 1040),
    Flow("udp", "192.168.1.10", "198.51.100.1", 443, 2064),
    Flow("icmp", "192.168.1.11", "198.51.100.2", 0, 1041),
)


@pytest.fixture(name="kernel")
def _kernel(monkeypatch):
    """Return a function that puts the kernel's answers in place."""

    def put(*parts):
        made = Kernel(parts)
        monkeypatch.setattr(nfnetlink.socket, "socket", made)
        return made

    return put


def asked(question):
    """Return type, flags and family of a question, and what it selects: side, end and address."""
    length, kind, flags, _, _, family, _, _ = struct.unpack_from("=IHHIIBBH", question)
    assert length == len(question)
    content = dict(nfnetlink.attributes(question[20:]))
    selection = dict(nfnetlink.attributes(content.pop(25)))
    ((side, selected),) = content.items()
    ((end_, value),) = nfnetlink.attributes(nfnetlink.attribute(selected, 1))
    assert selection == {side: struct.pack("=I", 1 << (end_ - 1))}
    return kind, flags, family, side, end_, socket.inet_ntoa(value)


def test_flows_are_forgotten_on_either_side_of_a_translation(kernel):
    """As source and destination of the original, and as what the answer goes to; never all."""
    made = kernel(DONE, DONE, DONE)
    conntrack.forget_flows("203.0.113.1")
    assert made.closed
    assert [asked(one) for one in made.asked] == [
        (1 << 8 | 2, 0x5, socket.AF_INET, side, end_, "203.0.113.1")
        for side, end_ in ((1, 1), (1, 2), (2, 2))
    ]


def test_of_a_network_each_entry_is_forgotten_that_names_an_address_of_it(kernel):
    """The kernel cannot select these: as source, as destination, and as what the answer goes to."""
    other = begun("2001:db8::7", 6, 443, v6=True)
    made = kernel(TCP + UDP + ICMP + GRE + other, end(), DONE, DONE, DONE)
    conntrack.forget_flows("192.168.1.10/32")
    kinds = [struct.unpack_from("=H", one, 4)[0] & 0xFF for one in made.asked]
    assert kinds == [1, 2, 2, 2]  # a listing; TCP, UDP and GRE
    for network, gone in (("192.0.2.16/29", 4), ("198.51.100.0/31", 3), ("192.168.1.12/30", 0)):
        made = kernel(TCP + UDP + ICMP + GRE, end(), *[DONE] * gone)
        conntrack.forget_flows(network)
        assert len(made.asked) == 1 + gone


def test_an_older_kernel_is_told_each_entry(kernel):
    """Linux 6.1 selects for a listing, not for deleting: each goes by the tuple that it listed.

    One that has ended meanwhile is no failure.
    """
    listed, zoned = TCP + UDP, answer(1 << 8 ^ 10 << 8, nested(1, number(9, 7)), number(18, 5, 2))
    gone, invalid = refusal(errno.ENOENT), refusal(errno.EINVAL)
    made = kernel(invalid, listed, end(), gone, DONE, DONE, invalid, zoned + end(), DONE)
    conntrack.forget_flows("203.0.113.1")
    kinds = [struct.unpack_from("=H", one, 4)[0] & 0xFF for one in made.asked]
    assert kinds == [2, 1, 2, 2, 2, 2, 1, 2]
    whole = [TCP, UDP, zoned]
    for question, one in zip([made.asked[at] for at in (2, 3, 7)], whole, strict=True):
        told = dict(nfnetlink.attributes(question[20:]))
        entry_ = dict(nfnetlink.attributes(one[20:]))
        assert told == {kind: entry_[kind] for kind in (1, 18) if kind in entry_}


def test_a_failure_says_why(kernel):
    """What the kernel said is in the error."""
    kernel(DONE, refusal(1))
    with pytest.raises(KernelError, match=r"^forgetting flows of 203\.0\.113\.1: Operation not"):
        conntrack.forget_flows("203.0.113.1")
    kernel(refusal(1))
    with pytest.raises(KernelError, match=r"^listing flows of 192\.0\.2\.18: Operation not"):
        conntrack.flows_from("192.0.2.18")


def test_a_failure_without_a_number_has_its_own_words(monkeypatch):
    """As one of Python's: not a None."""

    def failing(*_):
        raise OSError("no answer within 10 s")

    monkeypatch.setattr(nfnetlink.socket, "socket", failing)
    with pytest.raises(KernelError, match=r"^listing flows of 192\.0\.2\.18: no answer within"):
        conntrack.flows_from("192.0.2.18")


def test_flows_are_listed_by_the_address_that_answers_go_to(kernel):
    """Host and destination are those of the flow's beginning, the port is the answer's."""
    made = kernel(TCP + UDP, ICMP + GRE, end())
    assert conntrack.flows_from("192.0.2.18") == FLOWS
    assert asked(made.asked[0]) == (1 << 8 | 1, 0x301, socket.AF_INET, 2, 2, "192.0.2.18")


OUTSIDE, INSIDE, OUTSIDE_V6 = "198.51.100.9", "192.168.1.10", "2001:db8:9::9"


def test_flows_from_outside_are_forgotten(kernel):
    """But those of the LAN, and those that the rules have let in: offered, translated, expected."""
    mine = begun(OUTSIDE, 6, 8080), begun(OUTSIDE, 17, 22), begun(OUTSIDE_V6, 17, 9, v6=True)
    kept = (
        begun(INSIDE, 6, 8080),
        begun(OUTSIDE, 6, 22),
        begun(OUTSIDE, 6, 8080, status=0x8 | 0x20, reply=(INSIDE, 80)),
        begun(OUTSIDE, 6, 40000, status=0x8 | 0x1),
    )
    v4 = mine[0] + b"".join(kept) + mine[1]
    made = kernel(v4, end(), DONE, refusal(errno.ENOENT), mine[2] + end(), DONE)
    judged = []

    def is_outside(source):
        judged.append(source)
        return source != INSIDE

    def is_let_in(one):
        return one.port == 22 or (one.server, one.port) == (INSIDE, 80)

    conntrack.forget_inbound_flows(is_outside, is_let_in)
    kinds = [struct.unpack_from("=H", one, 4)[0] & 0xFF for one in made.asked]
    assert kinds == [1, 2, 2, 1, 2]
    families = [one[16] for one in made.asked]
    assert families == [socket.AF_INET] * 3 + [socket.AF_INET6] * 2
    for question, one in zip([made.asked[at] for at in (1, 2, 4)], mine, strict=True):
        told = dict(nfnetlink.attributes(question[20:]))
        assert told == {1: dict(nfnetlink.attributes(one[20:]))[1]}
    assert judged == [OUTSIDE, INSIDE, OUTSIDE_V6], "each source once"


def test_why_flows_from_outside_stay_is_said(kernel):
    """What the kernel said is in the error."""
    kernel(refusal(1))
    with pytest.raises(KernelError, match=r"^forgetting flows from outside: Operation not"):
        conntrack.forget_inbound_flows(lambda _: True, lambda _: False)

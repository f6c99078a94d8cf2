"""Answers of netfilter that are cut off, or lack what they should have."""

import errno
import struct

import pytest
from conntrack_entries import begun, entry
from nf_messages import Kernel, answer, attribute, end, message, nested, number, refusal

from dualwan.errors import KernelError
from dualwan.host import conntrack, nfnetlink, nft_names

OURS = "192.0.2.18"
FLOW = entry(
    6,
    ("192.168.1.2", "198.51.100.1", (2, 5000), (3, 443)),
    ("198.51.100.1", OURS, (2, 443), (3, 1040)),
)
WITHOUT_ADDRESSES = answer(1 << 8 ^ 10 << 8, nested(1, nested(2, number(1, 6, 1))))
OF_IPV6 = answer(
    1 << 8 ^ 10 << 8,
    nested(
        1,
        nested(1, attribute(1, bytes(16)), attribute(2, bytes(16))),
        nested(2, number(1, 6, 1)),
    ),
)


def kernel(monkeypatch, *parts):
    """Let a kernel answer with these parts; return it."""
    made = Kernel(parts)
    monkeypatch.setattr(nfnetlink.socket, "socket", made)
    return made


def test_a_refusal_without_its_number_is_a_refusal(monkeypatch):
    """It is no end of a dump, and no confirmation."""
    kernel(monkeypatch, message(2, b""))
    with pytest.raises(OSError, match="Bad message") as caught:
        nft_names.names()
    assert caught.value.errno == errno.EBADMSG


@pytest.mark.parametrize("odd", [WITHOUT_ADDRESSES, OF_IPV6], ids=["without", "of IPv6"])
def test_a_flow_without_ipv4_addresses_is_left_out(monkeypatch, odd):
    """The others are listed."""
    kernel(monkeypatch, odd + FLOW, end())
    (flow,) = conntrack.flows_from(OURS)
    assert flow[1] == "192.168.1.2"


def test_a_flow_without_a_source_keeps_no_other_from_being_forgotten(monkeypatch):
    """It is not asked whether no address is outside."""
    outside = begun("198.51.100.9", 17, 53)
    asked = kernel(monkeypatch, WITHOUT_ADDRESSES + outside, end(), refusal(0), end())
    seen = []
    conntrack.forget_inbound_flows(
        lambda source: bool(seen.append(source)) or True, lambda _: False
    )
    assert seen == ["198.51.100.9"]
    kinds = [struct.unpack_from("=H", one, 4)[0] & 0xFF for one in asked.asked]
    assert kinds == [conntrack.GET, conntrack.DELETE, conntrack.GET]


@pytest.mark.parametrize("ask", [conntrack.flows_from, conntrack.forget_flows])
@pytest.mark.parametrize("length", [0, 3, 4000])
def test_a_flow_of_an_impossible_length_is_told(monkeypatch, ask, length):
    """The list is not taken for whole, and the caller is told which address it was about."""
    odd = answer(1 << 8 ^ 10 << 8, struct.pack("=HH", length, 1))
    listed = [odd + FLOW, end()]
    refused = [refusal(errno.EINVAL)]  # of a deletion, as by Linux 6.1, which lists them then
    kernel(monkeypatch, *(listed if ask is conntrack.flows_from else refused + listed))
    with pytest.raises(KernelError, match=r"flows of 192\.0\.2\.18: Bad message"):
        ask(OURS)


def test_a_cut_refusal_of_a_deletion_is_told(monkeypatch):
    """As a KernelError, which the next run makes up for."""
    kernel(monkeypatch, message(2, b""))
    with pytest.raises(KernelError, match=r"forgetting flows of 192\.0\.2\.18: Bad message"):
        conntrack.forget_flows(OURS)

"""The flows of an address, by the program conntrack: what it is asked, and what its words mean."""

import pytest

from dualwan.errors import KernelError
from dualwan.host import conntrack
from dualwan.model.usage import Flow

# As conntrack 1.4.7 prints them.
LISTED = """\
tcp      6 7437 ESTABLISHED src=192.168.1.10 dst=198.51.100.1 sport=50000 dport=443 \
src=198.51.100.1 dst=192.0.2.18 sport=443 dport=1040 [ASSURED] mark=0 use=1
udp      17 119 src=192.168.1.10 dst=198.51.100.1 sport=3074 dport=443 [UNREPLIED] \
src=198.51.100.1 dst=192.0.2.18 sport=443 dport=2064 mark=0 use=1
icmp     1 29 src=192.168.1.11 dst=198.51.100.2 type=8 code=0 id=7 src=198.51.100.2 \
dst=192.0.2.18 type=0 code=0 id=1041 mark=0 use=1
unknown  47 599 src=192.168.1.10 dst=198.51.100.1 src=198.51.100.1 dst=192.0.2.18 mark=0 use=1
"""
FLOWS = (
    Flow("tcp", "192.168.1.10", "198.51.100.1", 443, 1040),
    Flow("udp", "192.168.1.10", "198.51.100.1", 443, 2064),
    Flow("icmp", "192.168.1.11", "198.51.100.2", 0, 1041),
)
NONE = "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted."


@pytest.fixture
def calls(monkeypatch):
    """Record calls instead of running programs; answers as conntrack does that finds nothing."""
    made = []
    monkeypatch.setattr(conntrack.program, "run", lambda argv: (made.append(argv), (1, NONE))[1])
    return made


def test_flows_are_forgotten_on_either_side_of_a_translation(calls):
    """As source and destination of the original, and as what the answer goes to; never all."""
    conntrack.forget_flows("203.0.113.1")
    assert [call[-2:] for call in calls] == [
        ["--orig-src", "203.0.113.1"],
        ["--orig-dst", "203.0.113.1"],
        ["--reply-dst", "203.0.113.1"],
    ]
    assert all(call[:-2] == ["conntrack", "-D", "-f", "ipv4"] for call in calls)


def test_flows_that_are_forgotten_are_no_error(monkeypatch):
    """With a code of 0 it does not matter what conntrack says."""
    monkeypatch.setattr(conntrack.program, "run", lambda _argv: (0, "10 flow entries"))
    conntrack.forget_flows("203.0.113.1")


def test_a_failure_says_why(monkeypatch):
    """What conntrack said is in the error."""
    monkeypatch.setattr(conntrack.program, "run", lambda _argv: (1, "Operation not permitted"))
    with pytest.raises(KernelError, match=r"^forgetting flows of 203\.0\.113\.1: Operation not"):
        conntrack.forget_flows("203.0.113.1")
    monkeypatch.setattr(
        conntrack.program, "output", lambda _argv: (1, "", "Operation not permitted")
    )
    with pytest.raises(KernelError, match=r"^listing flows of 192\.0\.2\.18: Operation not"):
        conntrack.flows_from("192.0.2.18")


def test_flows_are_listed_by_the_address_that_answers_go_to(monkeypatch):
    """A line each; what it says of their number is on stderr."""
    calls = []
    monkeypatch.setattr(
        conntrack.program,
        "output",
        lambda argv: (calls.append(argv), (0, LISTED, "4 flow entries have been shown."))[1],
    )
    assert conntrack.flows_from("192.0.2.18") == FLOWS
    assert calls == [["conntrack", "-L", "-f", "ipv4", "--reply-dst", "192.0.2.18"]]


def test_flows_are_read_from_the_lines_of_conntrack():
    """Host and destination are those of the flow's beginning, the port is the answer's."""
    assert conntrack.flows(LISTED.splitlines()) == FLOWS

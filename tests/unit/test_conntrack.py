"""The flows of an address, by the program conntrack: what it is asked, and what its words mean."""

import pytest

from dualwan.errors import KernelError
from dualwan.host import conntrack

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
        lambda argv: (
            calls.append(argv),
            (0, "tcp 6 one\nudp 17 two\n", "2 flow entries have been shown."),
        )[1],
    )
    assert conntrack.flows_from("192.0.2.18") == ["tcp 6 one", "udp 17 two"]
    assert calls == [["conntrack", "-L", "-f", "ipv4", "--reply-dst", "192.0.2.18"]]

"""Who answers a ping by a way: a host that may be asked, or where one with a single hop ends."""

import socket

import pytest
from ping_wire import TOKEN, Wire

from dualwan.errors import HostError
from dualwan.host import ping
from dualwan.host.evidence import further
from dualwan.model.evidence import AskedWay, OfWay

HOST, HOP = "198.51.100.1", "203.0.113.254"


def header(source):
    """Return an IPv4 header."""
    return b"\x45" + b"\0" * 11 + socket.inet_aton(source) + b"\0" * 4


def reply(token=TOKEN, source=HOST):
    """Return an echo reply."""
    return header(source) + b"\0" * 8 + token


def ended(sent=None, source=HOP):
    """Return what a router says of an echo that ended there: it quotes 8 bytes (RFC 792)."""
    sent = ping._echo(TOKEN) if sent is None else sent  # noqa: SLF001 - what was sent
    return header(source) + b"\x0b" + b"\0" * 7 + header("192.0.2.18") + sent[:8]


@pytest.fixture
def ask(monkeypatch):
    """Return a function that asks by a wire with these packets."""

    def ask(*inbox, targets=(), **wire):
        made = Wire(*inbox, **wire)
        monkeypatch.setattr(ping.os, "urandom", lambda size: TOKEN[:size])
        monkeypatch.setattr(ping.socket, "socket", made)
        monkeypatch.setattr(ping.select, "poll", lambda: made)
        return ping.who_answers("ppp1", targets, further.NOWHERE), made

    return ask


def test_where_no_host_may_be_asked_the_first_router_tells(ask):
    """One packet, which lives for one hop."""
    found, wire = ask(ended(), reply())
    assert found == ("", HOP)
    assert [address for _, address in wire.sent] == [("192.0.0.1", 0)]
    assert wire.options[0][2] == b"ppp1"
    assert (socket.IPPROTO_IP, socket.IP_TTL, 1) in wire.options


def test_a_host_that_may_be_asked_counts_more(ask):
    """The first router is kept in mind while it is waited for."""
    found, wire = ask(ended(), reply(), targets=(HOST, "198.51.100.2"))
    assert found == (HOST, HOP)
    assert [address[0] for _, address in wire.sent] == [HOST, HOST, "198.51.100.2"]
    assert wire.options[-1] == (socket.IPPROTO_IP, socket.IP_TTL, 64)
    assert ask(ended(), targets=(HOST,))[0] == ("", HOP)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        header(HOP),
        reply(b"another!"),
        ended(b"\x08\0another"),
        ended()[:30],
        header(HOP) + b"\x03" + ended()[21:],
    ],
    ids=[
        "empty",
        "a header alone",
        "another reply",
        "of another echo",
        "cut off later",
        "unreachable",
    ],
)
def test_what_is_about_another_packet_tells_nothing(ask, packet):
    """Nor what is cut off."""
    assert ask(packet)[0] == ("", "")
    assert ask(packet, ended())[0] == ("", HOP)


def test_a_refusal_is_no_answer(ask, monkeypatch):
    """A device that is gone neither; without root it is an error, for nothing was asked."""
    assert ask(refuse=("192.0.0.1",))[0] == ("", "")

    def gone(*_):
        raise OSError(19, "No such device")

    monkeypatch.setattr(ping.socket, "socket", gone)
    assert ping.who_answers("ppp1", (), further.NOWHERE) == ("", "")

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ping.socket, "socket", refused)
    with pytest.raises(HostError, match="root"):
        ping.who_answers("ppp1", (), further.NOWHERE)


@pytest.fixture(name="peers")
def _peers(monkeypatch):
    """Let a pppd of "second" run, and its file be there; a ping need root."""
    monkeypatch.setattr("dualwan.host.evidence.ppp.dialling", lambda peer: peer == "second")
    monkeypatch.setattr("dualwan.host.evidence.ppp.has_peer", lambda peer: peer == "second")


def test_what_is_seen_of_a_way(peers, monkeypatch):
    """Its peer, and who answers by its device; without one nothing is sent."""
    del peers
    monkeypatch.setattr(ping, "who_answers", lambda *asked: (str(asked), HOP))
    found = further.look(AskedWay("second", "ppp1", "second"), (HOST,))
    assert found == OfWay(True, str(("ppp1", (HOST,), "192.0.0.1")), HOP, True, True)
    assert further.look(AskedWay("third", "", "third"), ()) == OfWay(peer_there=False)
    assert further.look(AskedWay("fixed", "fixed0"), ()).peer_there


def test_without_root_nothing_was_asked(peers, monkeypatch):
    """And nothing is said of the way."""
    del peers

    def refused(*_):
        raise HostError("a probe needs root")

    monkeypatch.setattr(ping, "who_answers", refused)
    assert not further.look(AskedWay("fixed", "fixed0"), ()).asked

"""The window in which the line is asked and heard, on a line in memory."""

import errno
import struct
from ipaddress import IPv6Address
from types import SimpleNamespace

import pytest
from doctor_cases import BASE, BR, CE, config_of

from dualwan.doctor import inquiry
from dualwan.errors import HostError
from dualwan.frozen import replace
from dualwan.host.evidence import ear, frames, window
from dualwan.line import derive_line
from dualwan.model.evidence import Heard, PathError
from dualwan.model.observed import Observed
from dualwan.model.state import RunState
from dualwan.result import Plan

ROUTER = "fe80::1"


def asked(**changes):
    """Return the inquiry about the line of the cases."""
    config = config_of(BASE)
    plan = Plan((), config, derive_line(config), RunState(), Observed(), {})
    return replace(inquiry.inquiry(config, plan), **changes)


class Line:
    """A line in memory, in place of the packet socket and of those that only send.

    Time passes only while nothing comes: ``seconds``.
    """

    def __init__(self, monkeypatch):
        self.seconds = 0.0
        self.waiting, self.sent, self.bound = [], [], []
        self.answers = {}  # by what is sent: "solicit", 58, 4, "frame"
        monkeypatch.setattr(ear, "listen", lambda *_: self)
        monkeypatch.setattr(ear, "heard", lambda _: self.take())
        monkeypatch.setattr(ear, "attach", lambda *_: None)
        monkeypatch.setattr(window, "_raw", lambda _, protocol: Sender(self, protocol))
        monkeypatch.setattr(window, "select", SimpleNamespace(poll=lambda: self, POLLIN=1))
        monkeypatch.setattr(window, "time", SimpleNamespace(monotonic=self.now, sleep=self.passes))
        monkeypatch.setattr("dualwan.host.ndp.solicit", lambda _: self.got("solicit", b""))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def now(self):
        """Return the time, from 100 s."""
        return 100 + self.seconds

    def passes(self, seconds):
        """Let time pass."""
        self.seconds += seconds

    def register(self, ear_, what):
        """Be the poll that waits for the line."""
        assert (ear_, what) == (self, 1)

    def poll(self, milliseconds):
        """Return whether something has come, after that time if not."""
        if not self.waiting:
            self.passes(milliseconds / 1000)
        return bool(self.waiting)

    def sendto(self, data, to):
        """Send."""
        self.got("frame", data, to)

    def got(self, what, data, to=None):
        """Note what was sent, and answer it."""
        self.sent.append((what, data, to))
        if answer := self.answers.get(what):
            for packet in answer(data):
                self.arrives(*packet)

    def arrives(self, data, protocol=0x86DD, outgoing=False):
        """Let a packet come."""
        self.waiting.append(ear.Packet(protocol, data, outgoing, "02:00:00:00:00:01"))

    def take(self):
        """Return the next packet."""
        return self.waiting.pop(0) if self.waiting else None


class Sender:
    """A raw socket that only sends, to the line in memory."""

    def __init__(self, line, protocol):
        self.line, self.protocol = line, protocol

    def bind(self, address):
        """Note the source."""
        self.line.bound.append(address)

    def sendto(self, data, to):
        """Send."""
        self.line.got(self.protocol, data, to)


@pytest.fixture(name="line")
def _line(monkeypatch):
    """Return a line in memory."""
    return Line(monkeypatch)


def v6(body, source=ROUTER, number=58):
    """Return an IPv6 packet."""
    head = struct.pack("!IHBB", 6 << 28, len(body), number, 255)
    return head + IPv6Address(source).packed + bytes(16) + body


ADVERTISES = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)


def neighbour(kind, target):
    """Return a message of neighbour discovery about ``target``."""
    return v6(struct.pack("!BBHI", kind, 0, 0, 0) + IPv6Address(target).packed)


def works(line):
    """Let everything be answered."""
    line.answers = {
        "solicit": lambda _: [(v6(ADVERTISES),)],
        58: lambda data: [(v6(bytes([129]) + data[1:], BR),)],
        4: lambda data: [(v6(data, BR, 4),)] if data[8] > 1 else [],
    }


def test_a_line_that_answers_is_left_early(line):
    """Long before the time is over; from the CE address, to the border relay."""
    works(line)
    found = window.listen(asked(seconds=60, discover=False))
    assert line.seconds == pytest.approx(window.AT_LEAST, abs=0.01)
    assert found.relay
    assert len(found.advertisements) == 1
    assert found.returned == {probe.number for probe in asked().probes if probe.hops > 1}
    assert line.bound == [(CE, 0)]
    assert {to for what, _, to in line.sent if what in {4, 58}} == {(BR, 0)}


def test_a_line_that_is_silent_takes_its_time_and_no_more(line):
    """What is not answered is asked again."""
    assert window.listen(asked(seconds=7)) == Heard()
    assert line.seconds == pytest.approx(7, abs=0.01)
    assert [what for what, *_ in line.sent].count("solicit") == len(window.REPEATS)
    assert [what for what, *_ in line.sent].count(58) == len(window.REPEATS)


def test_neighbours_are_counted(line):
    """Who asks for what, what this machine answers, and who else answers for the CE."""
    line.arrives(neighbour(135, CE))
    line.arrives(neighbour(135, "2001:db8::77"))
    line.arrives(neighbour(136, CE), outgoing=True)
    line.arrives(neighbour(136, CE))
    line.arrives(neighbour(136, "2001:db8::77"))
    found = window.listen(asked())
    assert found.solicited == {CE: 1, "2001:db8::77": 1}
    assert found.answered == {CE: 1}
    assert found.claimed == ("02:00:00:00:00:01",)


def test_errors_about_packets_to_the_relay_are_kept(line):
    """Those about others' packets are not."""
    for target in (BR, "2001:db8::77"):
        lost = struct.pack("!IHBB", 6 << 28, 0, 4, 64) + bytes(16) + IPv6Address(target).packed
        line.arrives(v6(struct.pack("!BBHI", 1, 3, 0, 0) + lost))
    assert window.listen(asked()).errors == (PathError(ROUTER, 1, 3),)


def test_where_a_probe_ended_is_told(line):
    """The relay's time exceeded, by the probe that it quotes."""

    def exceeded(data):
        if data[8] > 1:
            return []
        body = struct.pack("!BBHI", 11, 0, 0, 0) + data[:28]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0)
        return [(v6(head + bytes([192, 0, 2, 1]) + data[12:16] + body, BR, 4),)]

    line.answers = {4: exceeded}
    assert window.listen(asked()).stopped == {0: "192.0.2.1", 1: "192.0.2.1"}


def test_an_offer_ends_the_discovery(line):
    """The concentrator's name; the same offer again is not another."""

    def offers(data):
        if data[1:2] != bytes([frames.PADI]):
            return []
        tags = struct.pack("!HH", 0x0102, 5) + b"bas-1" + data[10:]
        return [(struct.pack("!BBHH", 0x11, 7, 0, len(tags)) + tags, frames.ETH_PPPOE)] * 2

    line.answers = {"frame": offers}
    assert window.listen(asked(discover=True)).offers == ("bas-1",)


def test_discovery_is_sent_only_where_it_is_asked_for(line):
    """Not while a session is up."""
    window.listen(asked(discover=False))
    assert [data for what, data, _ in line.sent if what == "frame" and data[1] == 0x09] == []


def test_what_this_machine_refuses_to_send_is_told(line):
    """Once; a size that does not fit is none of it, nor what the line has told by ICMPv6."""
    errors = iter([errno.EMSGSIZE, errno.ECONNREFUSED, errno.EAGAIN])

    def refuse(_):
        raise OSError(next(errors, errno.EPERM), "")

    line.answers = {4: refuse}
    assert window.listen(asked()).unsent == ("Operation not permitted",)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PermissionError(1, ""), "needs root"), (OSError(19, "No such device"), "No such device")],
)
def test_a_wan_that_cannot_be_listened_to(monkeypatch, error, reason):
    """The reason is one sentence."""

    def fail(*_):
        raise error

    monkeypatch.setattr(ear, "listen", fail)
    with pytest.raises(HostError, match=reason):
        window.listen(asked())


def test_the_filter_is_whole():
    """Each jump ends within it, the last instructions take or leave a packet."""
    for ipv4 in ("192.0.2.18", ""):
        code = ear.program(ipv4)
        for at, (operation, true, false, _) in enumerate(code):
            if operation == 0x15:
                assert at + 1 + max(true, false) < len(code)
        assert [one[0] for one in code[-2:]] == [6, 6]


def test_what_has_come_back_is_not_sent_again(line):
    """Neither a probe that came back nor one that an error was about."""
    works(line)
    line.answers["solicit"] = lambda _: []  # so that it goes on
    found = window.listen(asked())
    sent = [data for what, data, _ in line.sent if what == 4]
    back = [data for data in sent if data[8] > 1]
    assert len(found.returned) == len(back) == len(set(back))


@pytest.mark.parametrize(("kind", "answered"), [(135, {}), (136, {CE: 1})])
def test_only_an_answer_of_ours_counts_as_one(line, kind, answered):
    """A solicitation that this machine sends is a question."""
    line.answers["solicit"] = lambda _: [(neighbour(kind, CE), 0x86DD, True)]
    assert window.listen(asked(seconds=0.02)).answered == answered

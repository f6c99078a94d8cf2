"""One ping through a device: what is sent, and which answer counts."""

import pytest
from ping_wire import TOKEN, Wire, answer, checksum

from dualwan.errors import HostError
from dualwan.host import ping


@pytest.mark.parametrize("token", [TOKEN, b"\xff" * 8, b"\0" * 8])
def test_an_echo_request_is_as_the_rfc_has_it(token):
    """Type 8 and code 0, a checksum that is right, the token at the end."""
    packet = ping._echo(token)  # noqa: SLF001 - pure, and what a packet is made of
    assert packet[:2] == b"\x08\0"
    assert checksum(packet) == 0xFFFF
    assert packet.endswith(token)


@pytest.fixture
def probe(monkeypatch):
    """Return a function that probes by a wire with these packets."""

    def ask(*inbox, targets=("192.0.2.1",), **wire):
        made = Wire(*inbox, **wire)
        monkeypatch.setattr(ping.os, "urandom", lambda size: TOKEN[:size])
        monkeypatch.setattr(ping.socket, "socket", made)
        monkeypatch.setattr(ping.select, "poll", lambda: made)
        return ping.any_answers("mape0", targets), made

    return ask


def test_an_answer_to_this_probe(probe):
    """Sent by the device, to each target, with one token for all."""
    answered, wire = probe(answer(TOKEN), targets=("192.0.2.1", "192.0.2.2"))
    assert answered
    assert [address for _, address in wire.sent] == [("192.0.2.1", 0), ("192.0.2.2", 0)]
    assert wire.options[0][2] == b"mape0"


def test_an_answer_to_somebody_else_s_ping_does_not_count(probe):
    """A raw socket hears them all; ours may come after them."""
    assert probe(answer(b"another!"))[0] is False
    assert probe(answer(b"another!"), answer(TOKEN))[0] is True


@pytest.mark.parametrize("kind", [3, 8, 11])
def test_other_messages_do_not_count(probe, kind):
    """Unreachable, a request, time exceeded: they quote the token, and are no answer."""
    assert probe(answer(TOKEN, kind))[0] is False


def test_a_header_may_have_options(probe):
    """The message begins where the header ends, whatever stands where it would without."""
    assert probe(answer(TOKEN, options=2))[0] is True
    assert probe(answer(TOKEN, kind=8, options=2))[0] is False


def test_silence_is_no_answer(probe):
    """Nobody answers."""
    assert probe()[0] is False


def test_a_target_that_cannot_be_sent_to_is_as_silent(probe):
    """The others are asked all the same; without any there is nothing to wait for."""
    targets = ("192.0.2.1", "192.0.2.2")
    assert probe(answer(TOKEN), targets=targets, refuse=("192.0.2.1",))[0] is True
    assert probe(answer(TOKEN), targets=targets, refuse=targets)[0] is False
    assert probe(answer(TOKEN), targets=())[0] is False


@pytest.mark.parametrize(
    ("error", "expected"),
    [(OSError(19, "No such device"), False), (PermissionError(1, "no"), HostError)],
)
def test_a_device_that_is_not_there_does_not_answer(monkeypatch, error, expected):
    """Without root nobody can tell, which is an error."""

    def fail(*_):
        raise error

    monkeypatch.setattr(ping.socket, "socket", fail)
    if expected is False:
        assert ping.any_answers("mape0", ["192.0.2.1"]) is False
    else:
        with pytest.raises(expected, match="a probe needs root"):
            ping.any_answers("mape0", ["192.0.2.1"])


@pytest.mark.parametrize("length", [0, 20])
def test_a_packet_without_a_message_does_not_count(probe, length):
    """A header and no more, which anybody can send, or not even that: the next one is read."""
    assert probe(answer(TOKEN)[:length])[0] is False
    assert probe(answer(TOKEN)[:length], answer(TOKEN))[0] is True

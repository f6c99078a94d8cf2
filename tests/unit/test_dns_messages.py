"""Questions to name servers, and what counts as an answer to one."""

import random
import time
from ipaddress import IPv6Address

import pytest
from dns.exception import DNSException
from dns.message import from_wire
from dns_wire import AAAA, CNAME, TXT, message, number, string
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwan.errors import RemoteError
from dualwan.host.remote import resolver

NAME = "4over6.info"


@pytest.fixture
def asked():
    """Return the question for the TXT records of NAME."""
    return resolver.question(NAME, "TXT")


@pytest.mark.parametrize("name", ["", "..", "a" * 64, ".".join(["a" * 60] * 5), "名前.example"])
def test_what_cannot_be_a_name_is_not_asked_for(name):
    """Too long, without a label, or not ASCII."""
    with pytest.raises(RemoteError, match="is no name that DNS could know"):
        resolver.question(name, "AAAA")


def test_a_question_is_plain(asked):
    """One question, recursion desired, no extension: an answer by UDP has 512 bytes at most."""
    wire = asked.to_wire()
    assert wire[2:] == (
        number(0x0100) + number(1) + b"\0" * 6 + b"\x064over6\x04info\0" + number(TXT) + number(1)
    )


def test_each_question_has_an_identifier_of_its_own():
    """Who guesses it has to guess it anew each time."""
    assert len({resolver.question(NAME, "TXT").id for _ in range(50)}) > 40


def test_an_answer_is_read(asked):
    """Its records of the type that was asked for, in their order."""
    answer = resolver.reply(
        asked,
        message(
            asked.to_wire(),
            (TXT, string(b"one")),
            (AAAA, IPv6Address("::1").packed),
            (TXT, string(b"two")),
        ),
    )
    assert [record.strings for record in resolver.records(asked, answer)] == [(b"one",), (b"two",)]


def test_an_alias_is_followed_by_the_resolver():
    """The record of another name counts, because the resolver says that it is meant."""
    asked = resolver.question("vne.example", "AAAA")
    wire = message(asked.to_wire(), (CNAME, b"\x05other\xc0\x10"), count=2)
    wire += (
        b"\x05other\xc0\x10"
        + number(AAAA)
        + number(1)
        + b"\0\0\0\x3c"
        + number(16)
        + IPv6Address("2001:db8::1").packed
    )
    (found,) = resolver.records(asked, resolver.reply(asked, wire))
    assert found.address == "2001:db8::1"


def test_a_name_in_other_letters_is_the_same_name(asked):
    """A server may repeat the question in capitals."""
    wire = asked.to_wire()
    answer = message(wire[:12] + wire[12:-4].upper() + wire[-4:], (TXT, string(b"one")))
    assert len(resolver.records(asked, resolver.reply(asked, answer))) == 1


def test_what_answers_something_else_is_refused(asked):
    """Another identifier, another name, another type, a question, or none at all."""
    wire = asked.to_wire()
    good = message(wire, (TXT, string(b"one")))
    other_name = message(
        resolver.question("4over6.example", "TXT").to_wire(), (TXT, string(b"one"))
    )
    other_type = message(resolver.question(NAME, "AAAA").to_wire(), (TXT, string(b"one")))
    for wrong in (
        number(asked.id ^ 1) + good[2:],
        wire[:2] + other_name[2:],
        wire[:2] + other_type[2:],
        wire,
        message(wire, (TXT, string(b"one")), flags=0x0100),
        wire[:2] + number(0x8180) + b"\0" * 8,
    ):
        with pytest.raises(RemoteError, match="no answer to the question"):
            resolver.reply(asked, wrong)
    assert resolver.reply(asked, good)


@pytest.mark.parametrize("wrong", [b"", b"junk", b"\0" * 12, b"\xff" * 40, b"\xc0\x0c" * 400])
def test_what_is_no_message_is_refused(asked, wrong):
    """In one line."""
    with pytest.raises(RemoteError):
        resolver.reply(asked, wrong)


def test_an_answer_that_is_cut_off_is_refused(asked):
    """Wherever it ends."""
    whole = message(asked.to_wire(), (TXT, string(b"one") + string(b"two")))
    for size in range(len(whole)):
        with pytest.raises(RemoteError):
            resolver.reply(asked, whole[:size])


def test_an_answer_that_says_it_is_cut_short_is_one(asked):
    """Also where it ends in the middle of a record: the whole is asked for by TCP."""
    whole = message(asked.to_wire(), (TXT, string(b"x" * 200)), flags=0x8380)
    for size in (len(whole), len(whole) - 100):
        assert resolver.reply(asked, whole[:size]).flags & 0x0200


def test_names_that_go_round_in_circles_are_refused(asked):
    """A pointer to itself, and one to what comes later."""
    wire = asked.to_wire()
    for at in (len(wire), len(wire) + 1, 0x3FFF):
        loop = number(0xC000 | at) + number(TXT) + number(1) + b"\0\0\0\x3c" + number(0)
        with pytest.raises(RemoteError, match="cannot be read"):
            resolver.reply(asked, message(wire, count=1) + loop)


def test_no_honest_answer_has_so_many_records(asked):
    """64 are taken, 65 are not."""
    for count in (64, 65):
        records = [(TXT, string(str(at).encode())) for at in range(count)]
        wire = message(asked.to_wire(), *records)
        if count == resolver.MAX_RECORDS:
            assert len(resolver.records(asked, resolver.reply(asked, wire))) == count
        else:
            with pytest.raises(RemoteError, match="more than 64 records"):
                resolver.reply(asked, wire)


def test_the_worst_answer_is_read_in_time(asked):
    """As many records as there is room for, each with a name as long as there is."""
    wire = asked.to_wire()
    name = b"\x01a" * 126
    start = len(wire)
    record = number(TXT) + number(1) + b"\0\0\0\x3c" + number(3)
    worst, count = name + b"\0" + record + string(b"xx"), 1
    while len(wire) + len(worst) + 20 <= resolver.MAX_TCP:
        worst += number(0xC000 | start) + record + string(number(count))
        count += 1
    began = time.process_time()
    with pytest.raises(RemoteError, match="more than 64 records"):
        resolver.reply(asked, message(wire, count=count) + worst)
    assert time.process_time() - began < 1


@settings(max_examples=300)
@given(st.binary(max_size=80), st.integers(0, 1 << 16), st.randoms(use_true_random=False))
def test_any_bytes_are_read_or_refused(junk, flags, chance: random.Random):
    """What a server sends is read or refused, never anything else."""
    asked = resolver.question(NAME, "TXT")
    wire = bytearray(
        message(asked.to_wire(), (TXT, string(b"v=v6mig-1")), (TXT, junk), flags=flags & 0xFFFF)
    )
    for _ in range(chance.randrange(4)):
        wire[chance.randrange(2, len(wire))] = chance.randrange(256)
    try:
        resolver.records(asked, resolver.reply(asked, bytes(wire)))
    except RemoteError as error:
        said = str(error)
        assert said.isprintable()


def test_the_messages_of_these_tests_are_right(asked):
    """The library reads them; otherwise the refusals above would say nothing."""
    try:
        from_wire(message(asked.to_wire(), (TXT, string(b"one"))))
    except DNSException as error:
        pytest.fail(str(error))

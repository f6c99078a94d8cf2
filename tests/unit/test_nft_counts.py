"""Packets by counter and by element of a set, from the kernel's messages."""

from ipaddress import ip_address

import pytest
from nf_messages import Kernel, answer, end, nested, number, refusal, text

from dualwan.host import nfnetlink, nft_counts

NEW_OBJECT, NEW_ELEMENTS = 18, 12


def counter(packets):
    """Return the attributes of a counter: bytes and packets."""
    return number(1, packets * 60, 8) + number(2, packets, 8)


def named(name, packets, kind=1):
    """Return the message of an object: a counter, or one of another KIND."""
    return answer(
        NEW_OBJECT, text(1, "t"), text(2, name), number(3, kind), nested(4, counter(packets))
    )


def expression(name, data):
    """Return the attributes of an expression."""
    return text(1, name) + nested(2, data)


def element(address, *parts):
    """Return an element: a key and more."""
    return nested(1, nested(1, number(1, int(ip_address(address)))), *parts)


def elements(*items):
    """Return a message with elements."""
    return answer(NEW_ELEMENTS, text(1, "t"), text(2, "refused"), nested(3, *items))


SEEN = nested(7, expression("counter", counter(2)))


@pytest.fixture(name="asked")
def _asked(monkeypatch):
    """Return a function that asks a kernel with these answers."""

    def ask(*parts):
        monkeypatch.setattr(nfnetlink.socket, "socket", Kernel(parts))
        return nft_counts.counts("ip", "t", "refused")

    return ask


def test_packets_are_counted_by_counter_and_by_element(asked):
    """With one expression in an element, or several; other objects and elements count nothing."""
    assert asked(
        named("no_port", 3) + named("timeout", 9, kind=7),
        named("untranslated", 0) + end(),
        elements(
            element("192.168.1.10", nested(7, expression("counter", counter(2)))),
            element("192.168.1.11"),
        ),
        elements(
            element(
                "192.168.1.12",
                nested(
                    11,
                    nested(1, expression("limit", b"")),
                    nested(1, expression("counter", counter(5))),
                ),
            )
        )
        + end(),
    ) == ({"no_port": 3, "untranslated": 0}, {"192.168.1.10": 2, "192.168.1.12": 5})


def test_what_is_not_there_counts_nothing(asked):
    """Neither a table without the set, nor one without counters."""
    assert asked(named("no_port", 3) + end(), refusal(2)) == ({"no_port": 3}, {})
    assert asked(end()) == ({}, {})


@pytest.mark.parametrize(
    "answers",
    [
        [answer(NEW_OBJECT, text(2, "x"), number(3, 1), nested(4, number(2, 1, 9))) + end()],
        [answer(NEW_OBJECT, text(2, "x"), number(3, 1, 2000)) + end()],
        [named("a", 3) + end(), elements(nested(1, nested(1, number(1, 5, 3)), SEEN)) + end()],
    ],
    ids=["packets", "kind", "key"],
)
def test_what_is_no_number_and_no_address_is_no_answer(asked, answers):
    """An attribute of another length than the kernel's is an error like a refusal."""
    with pytest.raises(OSError, match="Bad message"):
        asked(*answers)


def test_a_refusal_is_told(asked):
    """The caller knows what a missing table and a missing right mean."""
    with pytest.raises(PermissionError):
        asked(refusal(1))
    with pytest.raises(FileNotFoundError):
        asked(refusal(2))

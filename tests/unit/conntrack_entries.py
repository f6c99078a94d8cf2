"""Entries of conntrack, as the kernel lists them."""

import socket
from ipaddress import ip_address

from nf_messages import answer, nested, number


def entry(protocol, original, reply):
    """Return an entry; each direction: source, destination, and the attributes of its ports."""
    return answer(
        1 << 8 ^ 10 << 8,
        *(
            nested(
                side,
                nested(1, *(address(at + 1, one) for at, one in enumerate(ends[:2]))),
                nested(2, number(1, protocol, 1), *(number(*one, 2) for one in ends[2:])),
            )
            for side, ends in ((1, original), (2, reply))
        ),
    )


def address(kind, text):
    """Return an IPv4 address."""
    return number(kind, int.from_bytes(socket.inet_aton(text), "big"))


def begun(source, protocol, port, status=0x8, v6=False, reply=()):
    """Return an entry of a flow from SOURCE to a PORT; 0x8 is IPS_CONFIRMED.

    REPLY: address and port of the server to which it was translated.
    """
    packed = ip_address(source).packed
    answers = [
        nested(
            2, nested(1, address(1, server)), nested(2, number(1, protocol, 1), number(2, to, 2))
        )
        for server, to in ([reply] if reply else [])
    ]
    return answer(
        1 << 8 ^ 10 << 8,
        nested(
            1,
            nested(1, number(3 if v6 else 1, int.from_bytes(packed, "big"), len(packed))),
            nested(2, number(1, protocol, 1), number(3, port, 2)),
        ),
        *answers,
        number(3, status),
    )

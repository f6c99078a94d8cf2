"""How long conntrack keeps a flow that uses the tunnel: ports are scarce there. Pure.

In seconds, as objects of the table, so that other flows keep the system's own values.

TCP (RFC 5382 REQ-5): an established connection of which nothing is heard may go after 2 h
4 min (the kernel's default is 5 days), an opening or closing one after 4 min. Both apply
where the NAT cannot tell whether the ends are alive. After both FINs or a reset it can:
what is left is a last retransmission, and the port may go to the next flow. `ct count` does
not count such connections, and kernels before 6.3 do not replace them: allocate.py forgets
them within a second or two, so they have to be gone by then.

UDP (RFC 4787 REQ-5): 2 min after the last packet, also before any answer (the kernel's
default there is 30 s), REQ-5a: less for well-known ports whose application needs less, as
a question and its answer do.
"""

from __future__ import annotations

from dualwan.nft.table import Block

ESTABLISHED = 2 * 3600 + 4 * 60
TRANSITORY = 4 * 60
ENDED = 1
MAPPING = 2 * 60
QUESTION = 10
QUESTIONS = "{ 53, 123 }"  # DNS and NTP

_TCP = {
    "syn_sent": TRANSITORY,
    "syn_recv": TRANSITORY,
    "established": ESTABLISHED,
    "fin_wait": TRANSITORY,
    "close_wait": TRANSITORY,
    "last_ack": TRANSITORY,
    "time_wait": ENDED,
    "close": ENDED,
}


def objects() -> list[Block]:
    """Return the named timeouts."""
    return [
        _timeout("tunnel_tcp", "tcp", _TCP),
        _timeout("tunnel_udp", "udp", {"unreplied": MAPPING, "replied": MAPPING}),
        _timeout("tunnel_question", "udp", {"unreplied": QUESTION, "replied": QUESTION}),
    ]


def _timeout(name: str, protocol: str, policy: dict[str, int]) -> Block:
    values = ", ".join(f"{state} : {seconds}" for state, seconds in policy.items())
    return Block(
        "ct timeout", name, (f"protocol {protocol}", "l3proto ip", f"policy = {{ {values} }}")
    )


def rules() -> dict[str, list[str]]:
    """Return what a flow's first packet meets, by protocol."""
    return {
        "tcp": ['ct timeout set "tunnel_tcp"'],
        "udp": [
            'ct timeout set "tunnel_udp"',
            f'udp dport {QUESTIONS} ct timeout set "tunnel_question"',
        ],
    }

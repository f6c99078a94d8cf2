"""conntrack timeouts of flows by the tunnel, shorter because ports are scarce there. Pure.

They are objects of the table, in seconds; other flows keep the timeouts of the system.

TCP (RFC 5382 REQ-5): an idle established connection may be dropped after 2 h 4 min (the kernel's
default is 5 days), an opening or closing one after 4 min. Both apply as long as the NAT cannot tell
whether the ends are alive. After both FINs or a reset it can: at most a last retransmission
follows, and the next flow may have the port. `ct count` does not count such connections, and
kernels before 6.3 do not replace them. Their element in the set of flows disappears within a second
or two, and their conntrack entry must not live longer.

UDP (RFC 4787 REQ-5): 2 min after the last packet, also before any answer (the kernel's default
there is 30 s). REQ-5a allows less for well-known ports whose application needs less, such as a
query and its response.
"""

from __future__ import annotations

from dualwan.nft.table import Block

_ESTABLISHED = 2 * 3600 + 4 * 60
_TRANSITORY = 4 * 60
_ENDED = 1
_MAPPING = 2 * 60
_QUERY = 10
_QUERY_PORTS = "{ 53, 123 }"  # DNS and NTP

_TCP = {
    "syn_sent": _TRANSITORY,
    "syn_recv": _TRANSITORY,
    "established": _ESTABLISHED,
    "fin_wait": _TRANSITORY,
    "close_wait": _TRANSITORY,
    "last_ack": _TRANSITORY,
    "time_wait": _ENDED,
    "close": _ENDED,
}


def objects() -> list[Block]:
    """Return the `ct timeout` objects of the table."""
    return [
        _timeout("tunnel_tcp", "tcp", _TCP),
        _timeout("tunnel_udp", "udp", {"unreplied": _MAPPING, "replied": _MAPPING}),
        _timeout("tunnel_question", "udp", {"unreplied": _QUERY, "replied": _QUERY}),
    ]


def _timeout(name: str, protocol: str, policy: dict[str, int]) -> Block:
    values = ", ".join(f"{state} : {seconds}" for state, seconds in policy.items())
    return Block(
        "ct timeout", name, (f"protocol {protocol}", "l3proto ip", f"policy = {{ {values} }}")
    )


def rules() -> dict[str, list[str]]:
    """Return the rules that set the timeout of a flow at its first packet, by protocol."""
    return {
        "tcp": ['ct timeout set "tunnel_tcp"'],
        "udp": [
            'ct timeout set "tunnel_udp"',
            f'udp dport {_QUERY_PORTS} ct timeout set "tunnel_question"',
        ],
    }

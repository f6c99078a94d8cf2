"""Conntrack entries of an address: list and delete them with conntrack(8).

pyroute2's conntrack socket is too slow: it decodes each message in Python, which takes 0.15 to
0.25 ms an entry. Measured in pairs, conntrack(8) and pyroute2 0.7.2 (0.7.7 is no faster),
medians:

    list 990 entries of 1,000           12 ms      144 ms
    list 19,990 of 20,000              256 ms    4,847 ms
    forget 0 of 0                       17 ms       12 ms
    forget 10 of 20,000                199 ms       34 ms
    forget 1,000 of 1,000               22 ms      317 ms

A server behind PPPoE easily has a thousand entries, and a reconnect waits until they are
deleted. Nor can pyroute2 delete every entry: it drops the keys of GRE, and the kernel refuses
the request without them (EINVAL).
"""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.errors import KernelError
from dualwan.host import program
from dualwan.model.usage import PROTOCOLS, Flow


def flows_from(address: str) -> tuple[Flow, ...]:
    """Return the flows whose source is translated to an IPv4 ``address``.

    Raises KernelError, and HostError where the program is missing.
    """
    code, printed, said = program.output(["conntrack", "-L", "-f", "ipv4", "--reply-dst", address])
    if code != 0:
        raise KernelError(f"listing flows of {address}: {said}")
    return flows(printed.splitlines())


def flows(lines: Iterable[str]) -> tuple[Flow, ...]:
    """Return the flows of ``lines`` as `conntrack -L` prints them, without other protocols.

    A line has the original direction first, then the reply's, with the same keys.
    """
    entries = (line.split() for line in lines)
    return tuple(_flow(words) for words in entries if words and words[0] in PROTOCOLS)


def _flow(words: list[str]) -> Flow:
    protocol = words[0]
    original: dict[str, str] = {}
    reply: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if sign:
            (reply if name in original else original).setdefault(name, value)
    if protocol == "icmp":
        return Flow(protocol, original["src"], original["dst"], 0, int(reply["id"]))
    return Flow(
        protocol, original["src"], original["dst"], int(original["dport"]), int(reply["dport"])
    )


def forget_flows(address: str) -> None:
    """Delete the entries that name an IPv4 ``address`` on either side of a translation.

    Raises KernelError, and HostError where the program is missing.
    """
    for way in ("--orig-src", "--orig-dst", "--reply-dst"):
        code, said = program.run(["conntrack", "-D", "-f", "ipv4", way, address])
        if code != 0 and "0 flow entries" not in said:
            raise KernelError(f"forgetting flows of {address}: {said}")

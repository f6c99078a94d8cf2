"""Outcomes of the calls of ip(8), sysctl(8), pon and pppd in a script. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dualwan.setup.names import MAPE, PPPOE, Names
from dualwan.setup.outcome import Outcome, by_itself, named, not_taken
from dualwan.setup.rule import number
from dualwan.words import say

_TUNNEL = by_itself(
    say("the tunnel is made by itself, with its addresses, while the line has a prefix")
)
_MAIN = by_itself(say("the default way is MAP-E, by a route that is put back whatever removes it"))
_OWN_TABLE = by_itself(
    say("PPPoE has a routing table of its own, whose route follows each reconnect")
)
_FORWARDING = by_itself(
    say("forwarding is switched on after accept_ra of the WAN, which keeps IPv6")
)
_WAN_RA = by_itself(say("the WAN hears advertisements also while the machine forwards"))
_MIN_MTU = 576


def dialled(words: Sequence[str], _names: Names) -> Outcome | None:
    """Return the outcome of a call that dials, None for another call."""
    name = words[0].rsplit("/", 1)[-1]
    peers = [word for word in words[1:] if not word.startswith("-")]
    if name == "pppd":
        peers = peers[peers.index("call") + 1 :] if "call" in peers else []
    elif name not in {"pon", "ifup"}:
        return None
    if not peers or "$" in peers[0]:
        return not_taken(say("which peer it dials could not be read; name it in [pppoe] peer"))
    return named(
        "pppoe.peer", peers[0], say("dialled when the WAN is up, and again until it works")
    )


def routed(words: Sequence[str], names: Names) -> Outcome | None:
    """Return the outcome of a call of ip(8), None for another call."""
    if words[0].rsplit("/", 1)[-1] != "ip":
        return None
    rest = [word for word in words[1:] if word not in {"-4", "-6"}]
    match rest[:1]:
        case ["rule"]:
            return _rule(rest)
        case ["route"]:
            return _route(rest, names)
        case ["tunnel"] | ["addr"] | ["address"] | ["a"]:
            return _TUNNEL if _is_ours(rest, names) else not_taken(_other(rest))
        case ["link"]:
            return _link(rest, names)
    return not_taken(_other(rest))


def _rule(words: Sequence[str]) -> Outcome:
    table, priority = _after(words, "table", "lookup"), _after(words, "prio", "priority", "pref")
    if "from" in words and number(table) >= 0:
        value = (number(table), number(priority) if number(priority) >= 0 else None)
        return Outcome("pppoe.table", value, say("what came by PPPoE is answered by PPPoE"))
    return not_taken(say("another rule of routing; it may stay as it is"))


def _route(words: Sequence[str], names: Names) -> Outcome:
    if "default" not in words:
        return not_taken(say("another route; main's better routes go before ours, so it may stay"))
    if _after(words, "table"):
        return _OWN_TABLE
    part = names.part(_after(words, "dev"))
    return (
        _MAIN if part == MAPE else not_taken(say("another default route would take MAP-E's place"))
    )


def _link(words: Sequence[str], names: Names) -> Outcome:
    mtu = number(_after(words, "mtu"))
    part = names.part(next((one for one in words if names.part(one) in {MAPE, PPPOE}), ""))
    if mtu >= _MIN_MTU and part in {MAPE, PPPOE}:
        return Outcome(f"{part}.mtu", mtu, say("the MTU"))
    return _TUNNEL if part == MAPE else not_taken(_other(words))


def configured(words: Sequence[str], names: Names) -> Outcome | None:
    """Return the outcome of a sysctl(8) call or a write to /proc/sys; None for another call."""
    if words[0].rsplit("/", 1)[-1] != "sysctl":
        return None
    name = next((word.partition("=")[0] for word in words[1:] if "=" in word), "")
    parts = name.replace("/", ".").split(".")
    if name.endswith(("ip_forward", "conf.all.forwarding")):
        return _FORWARDING
    if parts[-1] == "accept_ra" and parts[1:]:
        device = parts[-2]
        if device == names.wan:
            return _WAN_RA
        if device in names.lans:
            return by_itself(
                say("the LAN hears no advertisements, and gives the router no way out")
            )
        remedy = say("if hosts are behind {device}, name it in [lan] interfaces", device=device)
        return not_taken(say("advertisements are heard on the WAN alone; {remedy}", remedy=remedy))
    return not_taken(say("no key sets it; if it is still needed, write it into /etc/sysctl.d"))


def _is_ours(words: Sequence[str], names: Names) -> bool:
    return "tunnel" in words or any(names.part(word) == MAPE for word in words) or _is_ce(words)


def _is_ce(words: Sequence[str]) -> bool:
    """Whether the call sets an IPv6 host address, as for the end of the tunnel."""
    address = _after(words, "add", "a")
    return ":" in address and "/" not in address


def _after(words: Sequence[str], *names: str) -> str:
    """Return the word after the first of ``names``, "" for none."""
    for at, word in enumerate(words[:-1]):
        if word in names:
            return words[at + 1]
    return ""


def _other(words: Sequence[str]) -> str:
    return say(
        "`ip {words}` of another purpose; no key does it, and it may stay",
        words=" ".join(words[:2]),
    )

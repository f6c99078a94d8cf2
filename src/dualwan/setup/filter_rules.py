"""Outcomes of rules of the tables filter and mangle. Pure."""

from __future__ import annotations

from collections.abc import Callable

from dualwan.config.forwards import SMB
from dualwan.setup.names import ANY, LAN, LOOPBACK, MAPE, PPPOE, WAN, Names
from dualwan.setup.outcome import CLOSED, Closed, Inbound, Outcome, by_itself, named, not_taken
from dualwan.setup.rule import Rule, networks, number, ports
from dualwan.words import say

IDENT = ("tcp/113",)
REFUSING = ("DROP", "REJECT")
_STRANGERS = (PPPOE, MAPE, WAN, ANY)
_PLAIN = ("-p", "-i", "-o", "-s", "-d", "--dport", "--sport", "--state", "--syn")
_ANSWERS = by_itself(say("answers to allowed connections, and errors about them, always pass"))
_CLOSED = by_itself(say("what is not opened is closed, both families, before the WAN comes up"))
_FRAGMENTS = by_itself(
    say(
        "fragments are put together before the rules see them; those that "
        "belong to nothing are dropped"
    )
)
_BOGUS = Outcome(
    "firewall.bogus", "drop", say("impossible TCP flags, on every way and for the LAN too")
)
_CLAMP = by_itself(say("segments are clamped both ways to the MTU of each way, IPv6 too"))
_REFUSED = say("no key refuses that alone: whatever is not opened is closed already")
_GUARD = Outcome(
    "firewall.guard", says=say("the guard counts, refuses and logs by itself (SSHATTACK)")
)


def filtering(rule: Rule, names: Names) -> Outcome:
    """Return the outcome of a ``rule`` that adds to filter, mangle, raw or security."""
    if rule.six:
        return _of_ipv6(rule)
    base = names.base(rule)
    for one in _FINDERS:
        if outcome := one(rule, names, base):
            return outcome
    return not_taken(_why(rule, names, base))


def _why(rule: Rule, names: Names, base: str) -> str:
    device = rule.of("-i")
    if rule.target in {"ACCEPT", *names.guards} and names.part(device) == LAN:
        return say("if {device} leads to the LAN, name it in [lan] interfaces", device=device)
    if rule.target in REFUSING:
        return _REFUSED
    if rule.target == "LOG":
        return say("no key logs that; refusals of the guard are logged")
    if rule.target == "ACCEPT" and base == "FORWARD":
        return say(
            "what comes from outside for a LAN host needs a [[forward]]; none could be read here"
        )
    if rule.target == "ACCEPT":
        return say("no key says just that; write a service into [firewall] inbound or outbound")
    return say("no key does that; if it is still needed, keep it in a script of hooks.d")


def _of_ipv6(rule: Rule) -> Outcome:
    if "icmp" in rule.of("-p"):
        return by_itself(say("ICMPv6 passes as RFC 4890 recommends"))
    if rule.target == "ACCEPT" and rule.has("--dport"):
        return not_taken(
            say(
                'opens IPv6, which is shut until you write via = "ipv6" for a service '
                "in [firewall] inbound, or a [[forward]] to the host's address"
            )
        )
    return by_itself(say("IPv6 is closed from outside, open from inside"))


def _jump(rule: Rule, names: Names, base: str) -> Outcome | None:
    if rule.target not in names.chains:
        return None
    if rule.target in names.guards and base == "INPUT" and (opened := ports(rule, "--dport")):
        if names.part(rule.of("-i")) not in {PPPOE, ANY} or not rule.only(*_PLAIN):
            return None
        return _inbound(rule, opened, guard=True)
    if rule.target in names.guards or rule.chain in names.guards:
        return None
    return by_itself(say("chains and jumps allow nothing; ours are in tables of their own"))


def _guard(rule: Rule, names: Names, _base: str) -> Outcome | None:
    if rule.chain not in names.guards:
        return None
    seconds, hits = number(rule.of("--seconds")), number(rule.of("--hitcount"))
    if rule.has("--rcheck") and seconds > 0:
        if hits > 0:
            value = {"hits": hits, "seconds": seconds}
        elif rule.target in REFUSING:
            value = {"refuse": seconds}
        else:
            return None
        return Outcome("firewall.guard", value, say("the limit against brute force"))
    return _GUARD


def _clamp(rule: Rule, _names: Names, _base: str) -> Outcome | None:
    return _CLAMP if rule.target == "TCPMSS" else None


def _local(rule: Rule, names: Names, base: str) -> Outcome | None:
    """Return the outcome of a rule that accepts packets from or to a LAN interface.

    Only an interface whose hosts may all reach the router itself is taken for the LAN: a forward
    rule may let a network of guests through.
    """
    device = rule.of("-i") or rule.of("-o")
    side = names.part(device)
    if rule.target != "ACCEPT" or side not in {LAN, LOOPBACK} or rule.is_for_answers:
        return None
    if side == LOOPBACK:
        return by_itself(say("what the router sends to itself is always allowed"))
    whole = rule.only("-i", "-o", "-s", "-d", "--state")
    if base == "INPUT" and rule.has("-i") and whole and not rule.is_of_few:
        pattern = f"{device[:-1]}*" if device.endswith("+") else device
        return named(
            "lan.interfaces", pattern, say("the hosts of this interface may use everything")
        )
    if device in names.lans:
        return by_itself(say("the LAN may use everything"))
    if not whole:
        return None
    return not_taken(
        say("if {device} leads to the LAN, name it in [lan] interfaces", device=device)
    )


def _answers_of_ports(rule: Rule, _names: Names, base: str) -> Outcome | None:
    if rule.target != "ACCEPT":
        return None
    if base == "INPUT" and rule.has("--sport") and rule.is_for_answers:
        return Outcome(
            "firewall.outbound", says=say("answers to what the router asks pass by itself")
        )
    if base == "OUTPUT" and ports(rule, "--sport") == IDENT:
        return Outcome("firewall.ident", says=say("the reset of port 113 is an answer, and passes"))
    if base == "OUTPUT" and rule.has("--sport"):
        return Outcome(
            "firewall.inbound", says=say("answers of what the router offers pass by itself")
        )
    if base == "INPUT" and rule.has("--dport") and rule.is_for_answers:
        return Outcome("firewall.inbound", says=say("what is open stays open for its connections"))
    return None


def _answers(rule: Rule, _names: Names, base: str) -> Outcome | None:
    if rule.target != "ACCEPT":
        return None
    if rule.of("--icmp-type") == "echo-reply" and base == "INPUT":
        return Outcome(
            "firewall.outbound", says=say("answers to pings of the router pass by itself")
        )
    return _ANSWERS if rule.is_for_answers else None


def _ping(rule: Rule, names: Names, base: str) -> Outcome | None:
    if rule.target != "ACCEPT" or rule.of("--icmp-type") not in {"echo-request", "8"}:
        return None
    if not rule.only(*_PLAIN, "--icmp-type", "--limit", "--limit-burst"):
        return None
    if base == "OUTPUT":
        return Outcome("firewall.outbound", ("ping",), say("the router may ping"))
    if base == "INPUT" and names.part(rule.of("-i")) in {PPPOE, ANY}:
        return _inbound(rule, ("ping",))
    return None


def _impossible(rule: Rule, _names: Names, _base: str) -> Outcome | None:
    if rule.target not in REFUSING:
        return None
    if rule.has("-f"):
        return _FRAGMENTS
    if rule.has("--tcp-flags"):
        return _BOGUS
    if "--syn" in rule.negated and rule.states <= {"NEW"}:
        return by_itself(say("what belongs to no flow and begins none is dropped, on every way"))
    if rule.states == {"INVALID"}:
        return by_itself(say("what belongs to no flow is dropped"))
    return None


def _windows(rule: Rule, _names: Names, base: str) -> Outcome | None:
    shut = ports(rule, "--dport")
    if rule.target not in REFUSING or not shut or base not in {"FORWARD", "INPUT"}:
        return None
    if all(int(one.split("/")[1]) in SMB for one in shut):
        return Outcome(
            "firewall.smb", "drop", say("Windows file sharing does not cross the router")
        )
    return None


def _ident(rule: Rule, _names: Names, base: str) -> Outcome | None:
    if base != "INPUT" or ports(rule, "--dport") != IDENT or rule.target not in REFUSING:
        return None
    reset = rule.target == "REJECT"
    return Outcome("firewall.ident", "reset" if reset else "drop", say("port 113"))


def _shut(rule: Rule, _names: Names, _base: str) -> Outcome | None:
    return _CLOSED if rule.target in REFUSING and rule.only("-i", "-o", "--state") else None


def _closing(rule: Rule, names: Names, base: str) -> Outcome | None:
    """Return the outcome of a rule that refuses ports by PPPoE; its value is for wish."""
    found = ports(rule, "--dport")
    if rule.target not in REFUSING or base != "INPUT" or not found or rule.has("-s"):
        return None
    if names.part(rule.of("-i")) not in {PPPOE, ANY} or not rule.only(*_PLAIN):
        return None
    if rule.is_for_answers:
        return None
    return Outcome(CLOSED, Closed(found, first=rule.command == "-I"), _REFUSED, done=False)


def _services(rule: Rule, names: Names, base: str) -> Outcome | None:
    """Return the outcome of a rule that opens ports of the router, or ports for its own use."""
    found = ports(rule, "--dport")
    if rule.target != "ACCEPT" or not found or not rule.only(*_PLAIN):
        return None
    if base == "OUTPUT":
        if names.part(rule.of("-o")) not in _STRANGERS or rule.has("-d"):
            return None
        return Outcome("firewall.outbound", found, say("the router may use it, by every way"))
    if base == "INPUT" and names.part(rule.of("-i")) in {PPPOE, ANY}:
        return _inbound(rule, found)
    return None


def _inbound(rule: Rule, opened: tuple[str, ...], *, guard: bool = False) -> Outcome:
    sources = networks(rule.of("-s"))
    if "-s" in rule.negated or sources is None:
        return not_taken(
            say("for whom it is open could not be read; write it into [firewall] inbound")
        )
    value = tuple(Inbound(port, sources, guard) for port in opened)
    limited = say(", with the limit on attempts") if guard else ""
    return Outcome("firewall.inbound", value, say("open by PPPoE{limited}", limited=limited))


def _through(rule: Rule, names: Names, base: str) -> Outcome | None:
    """Return the outcome of a rule that lets packets through to a server behind the router."""
    if base != "FORWARD" or rule.target != "ACCEPT":
        return None
    if rule.has("-d") and names.part(rule.of("-i")) in _STRANGERS:
        return Outcome("forward", says=say("a [[forward]] opens the way to its server by itself"))
    if names.part(rule.of("-o")) in {PPPOE, MAPE, WAN}:
        return by_itself(say("the LAN may use everything"))
    return None


_FINDERS: tuple[Callable[[Rule, Names, str], Outcome | None], ...] = (
    _jump,
    _guard,
    _clamp,
    _local,
    _ping,
    _answers_of_ports,
    _answers,
    _impossible,
    _windows,
    _ident,
    _closing,
    _services,
    _through,
    _shut,
)

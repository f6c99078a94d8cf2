"""Chains in nft's listing as JSON, libnftables-json(5). Pure.

A statement that is not known here, of a later nft, counts as a match that may hold or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from dualwan.nft.foreign.chain import (
    ACCEPT,
    DROP,
    GOTO,
    JUMP,
    NOTRACK,
    OFFLOAD,
    RETURN,
    SET_MARK,
    TRANSLATE,
    UNKNOWN,
    Chain,
    Condition,
    Rule,
)

_ACTIONS = {
    "accept": ACCEPT,
    "drop": DROP,
    "reject": DROP,
    "return": RETURN,
    "masquerade": TRANSLATE,
    "snat": TRANSLATE,
    "dnat": TRANSLATE,
    "redirect": TRANSLATE,
    "notrack": NOTRACK,
    "flow": OFFLOAD,
}
_SAYS_NOTHING = ("counter", "log", "comment", "ct helper", "ct timeout")
_ELEMENTS = ("set", "map")  # adds an element; with statements of its own, such as a limit
_META = {
    "iif": "iif",
    "iifname": "iif",
    "oif": "oif",
    "oifname": "oif",
    "l4proto": "protocol",
    "nfproto": "family",
}
_IP_FIELDS = {
    "saddr": "source",
    "daddr": "destination",
    "protocol": "protocol",
    "nexthdr": "protocol",
}
_TRANSPORT = ("tcp", "udp", "udplite", "sctp", "dccp")
_LINK = ("ether", "vlan")  # headers below those of IP, which every packet may have
_NAMES = {"ipv6-icmp": "icmpv6", "ipencap": "ipip", "4": "ipip", "ipv4": "ip", "ipv6": "ip6"}
_NOT_UNDERSTOOD = ("@",)  # as the elements of a named set, which are not read
_ALL_ELSE = "*"  # of a map: what has no other element
_HOOKED = re.compile(
    r"^\tchain (\S+) \{\n\t\ttype \w+ hook \w+ devices? (.*?) priority", re.MULTILINE
)
_NAME = re.compile(r"[^\s\"{},=]+")
_ALL_BITS = 0xFFFFFFFF


def chains(objects: Iterable[dict[str, Any]]) -> list[Chain]:
    """Return the chains of the listed tables, with their rules."""
    found: dict[tuple[str, str, str], Chain] = {}
    rules: dict[tuple[str, str, str], list[Rule]] = {}
    for item in objects:
        if "chain" in item:
            one = item["chain"]
            key = one["family"], one["table"], one["name"]
            found[key], rules[key] = _chain(one), []
        elif "rule" in item:
            one = item["rule"]
            rules[one["family"], one["table"], one["chain"]] += _rules(one.get("expr", ()))
    return [chain._replace(rules=tuple(rules[key])) for key, chain in found.items()]


def _chain(listed: dict[str, Any]) -> Chain:
    """Return a chain, without its rules."""
    return Chain(
        f"nft table {listed['family']} {listed['table']}",
        listed["family"],
        listed["name"],
        listed.get("type", ""),
        listed.get("hook", ""),
        listed.get("prio", 0),
        listed.get("policy", ACCEPT),
        devices=_devices(listed.get("dev", ())),
    )


def _devices(listed: str | Iterable[str]) -> tuple[str, ...]:
    return (listed,) if isinstance(listed, str) else tuple(listed)


def with_devices(found: Iterable[Chain], text: str) -> list[Chain]:
    """Return ``found``, chains of a netdev table, with the devices that its listing names.

    nft 1.0.6 leaves them out of its JSON.
    """
    named = {name: tuple(_NAME.findall(devices)) for name, devices in _HOOKED.findall(text)}
    return [chain._replace(devices=named.get(chain.name, chain.devices)) for chain in found]


def is_of_iptables(objects: Iterable[dict[str, Any]]) -> bool:
    """Whether rules use matches or targets of iptables, which nft lists without their values."""
    return any("xt" in part for item in objects for part in item.get("rule", {}).get("expr", ()))


def _rules(parts: Iterable[Any]) -> Iterator[Rule]:
    """Yield a Rule for each action of a listed rule; a verdict map has several."""
    conditions: list[Condition] = []
    for part in parts:
        name, body = _statement(part)
        if name == "match":
            conditions += _conditions(body)
        elif name == "vmap":
            yield from _verdict_map(tuple(conditions), body)
        elif name in ("jump", "goto"):
            yield Rule(tuple(conditions), JUMP if name == "jump" else GOTO, body["target"])
        elif name in _ACTIONS:
            yield Rule(tuple(conditions), _ACTIONS[name])
        elif name == "mangle":
            if keeps := _kept(body):
                yield Rule(tuple(conditions), SET_MARK, keeps)
        elif name == "queue":
            yield Rule((*conditions, UNKNOWN), ACCEPT)
        elif not _says_nothing(name, body):
            conditions.append(UNKNOWN)


def _says_nothing(name: str, body: Any) -> bool:
    """Whether a rule always goes on after a statement, and nothing comes of it for the packet."""
    if name in _ELEMENTS:
        return all(_says_nothing(*_statement(one)) for one in body.get("stmt", ()))
    return name in _SAYS_NOTHING


def _statement(part: Any) -> tuple[str, Any]:
    """Return the name of a statement and its content."""
    pairs = part.items() if isinstance(part, dict) else [(part, None)]
    name, body = next(iter(pairs), ("", None))
    return str(name), body


def _verdict_map(before: tuple[Condition, ...], body: dict[str, Any]) -> Iterator[Rule]:
    data = body["data"]
    if not isinstance(data, dict):  # a named map
        yield Rule((*before, UNKNOWN), ACCEPT)
        return
    for element, verdict in data["set"]:
        match = {"op": "==", "left": body["key"], "right": element}
        found = [UNKNOWN] if element == _ALL_ELSE else _conditions(match)
        yield from (
            rule._replace(conditions=(*before, *found, *rule.conditions))
            for rule in _rules([verdict])
        )


def _conditions(body: dict[str, Any]) -> list[Condition]:
    """Return the conditions of a match, with those that nft implies and does not list."""
    values = _values(body["right"]) if body["op"] in ("==", "!=", "in") else _NOT_UNDERSTOOD
    negated = body["op"] == "!="
    match body["left"]:
        case {"meta": {"key": str(key)}} if key in _META:
            return [Condition(_META[key], _known_names(values), negated)]
        case {"ct": {"key": "state"}}:
            return [Condition("state", values, negated)]
        case {"ct": {"key": "status"}} if values == ("dnat",):
            return [Condition("dnat", ("yes",), negated)]
        case {"payload": {"tunnel": _}}:  # of the packet that it carries
            return [UNKNOWN]
        case {"payload": {"protocol": str(protocol), "field": str(field)}}:
            return _of_header(protocol, field, values, negated)
    return [UNKNOWN]


def _of_header(
    protocol: str, field: str, values: tuple[str, ...], negated: bool
) -> list[Condition]:
    """Return the conditions of a match on a field of the packet's headers."""
    if protocol in _LINK:
        return [UNKNOWN]
    if protocol in ("ip", "ip6"):
        name = _IP_FIELDS.get(field, "")
        return [Condition("family", (protocol,)), Condition(name, _known_names(values), negated)]
    name = "dport" if field == "dport" and protocol in (*_TRANSPORT, "th") else ""
    of_protocol = [] if protocol == "th" else [Condition("protocol", _known_names((protocol,)))]
    return [*of_protocol, Condition(name, values, negated)]


def _known_names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return ``values`` with one name for each protocol and family."""
    return tuple(_NAMES.get(value, value) for value in values)


def _values(right: Any) -> tuple[str, ...]:
    """Return the values of a match's right side."""
    found: tuple[str, ...] = _NOT_UNDERSTOOD
    match right:
        case str() | int() if not isinstance(right, bool):
            found = (str(right),)
        case {"prefix": {"addr": str(address), "len": int(length)}}:
            found = (f"{address}/{length}",)
        case {"range": [low, high]}:
            found = (f"{low}-{high}",)
        case {"elem": {"val": value}}:
            found = _values(value)
        case {"set": items} | list(items):
            each = items if isinstance(items, list) else [items]
            found = tuple(value for item in each for value in _values(item))
    return found


def _kept(body: dict[str, Any]) -> str:
    """Return the mask of the bits of the packet's mark that a statement keeps.

    It is "" for another field than the mark, and for a value that is not understood.
    """
    if body["key"] != {"meta": {"key": "mark"}}:
        return ""
    match body["value"]:
        case int():
            return hex(0)
        case {"|": [{"&": [{"meta": {"key": "mark"}}, int(kept)]}, int()]}:
            return hex(kept)
        case {"^": [{"&": [{"meta": {"key": "mark"}}, int(kept)]}, int()]}:
            return hex(kept)
        case {"|": [{"meta": {"key": "mark"}}, int()]}:
            return hex(_ALL_BITS)
    return ""

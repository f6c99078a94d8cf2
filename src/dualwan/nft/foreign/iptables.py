"""Rules as iptables-save(8) prints them, which has not changed in twenty years. Pure.

They are read from there, and not from nft, where a match of iptables is a name without a value.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

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

_PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
_NAT = {"PREROUTING": -100, "INPUT": 100, "OUTPUT": -100, "POSTROUTING": 100}
_FIELDS = {
    "-i": "iif",
    "-o": "oif",
    "-s": "source",
    "-d": "destination",
    "-p": "protocol",
    "--dport": "dport",
    "--dports": "dport",
    "--ctstate": "state",
    "--state": "state",
}
_PROTOCOLS = {"ipv6-icmp": "icmpv6", "ipencap": "ipip", "4": "ipip"}  # by nft's names
_SAYS_NOTHING = ("-m", "--comment", "-c")
_TARGETS = {
    "ACCEPT": ACCEPT,
    "DROP": DROP,
    "REJECT": DROP,
    "RETURN": RETURN,
    "MASQUERADE": TRANSLATE,
    "SNAT": TRANSLATE,
    "DNAT": TRANSLATE,
    "REDIRECT": TRANSLATE,
    "NETMAP": TRANSLATE,
    "NOTRACK": NOTRACK,
    "FLOWOFFLOAD": OFFLOAD,
}
_HANDED_ON = ("QUEUE", "NFQUEUE")  # to a program, which accepts or drops
_ALL_BITS = 0xFFFFFFFF
_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\S+')  # it quotes a word with spaces
_CHAIN = re.compile(r":(\S+) (\S+) ")


def chains(text: str, program: str, family: str) -> list[Chain]:
    """Return the chains in ``text``, which ``program`` (iptables-nft, say) saved."""
    found: list[Chain] = []
    for table, lines in _tables(text):
        declared = [match.groups() for line in lines if (match := _CHAIN.match(line))]
        rules: dict[str, list[Rule]] = {name: [] for name, _ in declared}
        for line in lines:
            if line.startswith("-A "):
                words = _WORD.findall(line)
                rules[words[1]] += _rules(words[2:], rules)
        found += [
            _declared(f"{program} table {table}", family, table, name, policy)._replace(
                rules=tuple(rules[name])
            )
            for name, policy in declared
        ]
    return found


def _tables(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each saved table, and its lines."""
    for part in re.split(r"^\*", text, flags=re.MULTILINE)[1:]:
        name, *lines = part.splitlines()
        yield name, lines


def _declared(title: str, family: str, table: str, name: str, policy: str) -> Chain:
    if policy == "-":
        return Chain(title, family, name)
    nat = table == "nat"
    return Chain(
        title,
        family,
        name,
        "nat" if nat else "filter",
        name.lower(),
        _NAT.get(name, 0) if nat else _PRIORITIES.get(table, 0),
        policy.lower(),
    )


def _rules(words: list[str], known: Container[str]) -> Iterator[Rule]:
    conditions: list[Condition] = []
    for negated, option, values in _options(words):
        if option in ("-j", "-g"):
            target = values[0] if values else ""
            rest = words[words.index(option) + 2 :]
            action, argument = _action(target, rest, known, goto=option == "-g")
            if target in _HANDED_ON:
                conditions.append(UNKNOWN)
            yield Rule(tuple(conditions), action, argument)
            return
        if option in _SAYS_NOTHING:
            continue
        conditions.append(_condition(option, values, negated))


def _options(words: list[str]) -> Iterator[tuple[bool, str, list[str]]]:
    """Yield each option: whether it is negated, its name, its values."""
    at, negated = 0, False
    while at < len(words):
        if words[at] == "!":
            negated, at = True, at + 1
            continue
        option, values, at = words[at], [], at + 1
        if option in ("-j", "-g"):
            yield negated, option, words[at : at + 1]
            return
        takes_any = option == "--comment"
        while at < len(words) and (takes_any or not (words[at] == "!" or words[at][0] == "-")):
            values.append(words[at])
            at += 1
            if takes_any:
                break
        yield negated, option, values
        negated = False


def _condition(option: str, values: list[str], negated: bool) -> Condition:
    field = _FIELDS.get(option)
    if field is None or len(values) != 1:
        return UNKNOWN
    items = values[0].split(",")
    match field:
        case "iif" | "oif":
            items = [f"{item[:-1]}*" if item.endswith("+") else item for item in items]
        case "dport":
            items = [item.replace(":", "-") for item in items]
        case "state":
            if "DNAT" in items or "SNAT" in items:
                return UNKNOWN
            items = [item.lower() for item in items]
        case "protocol":
            items = [_PROTOCOLS.get(item, item) for item in items]
    return Condition(field, tuple(items), negated)


def _action(target: str, rest: list[str], known: Container[str], *, goto: bool) -> tuple[str, str]:
    if target in known:
        return (GOTO if goto else JUMP), target
    if target == "MARK" and len(rest) > 1 and rest[0] in ("--set-xmark", "--set-mark"):
        mask = rest[1].partition("/")[2] or hex(_ALL_BITS)
        return SET_MARK, hex(_ALL_BITS & ~int(mask, 0))
    if target == "CT" and "--notrack" in rest:
        return NOTRACK, ""
    if target in _HANDED_ON:
        return ACCEPT, ""
    return _TARGETS.get(target, ""), ""

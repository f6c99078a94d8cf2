"""A rule of iptables(8), parsed, as scripts write it and iptables-save prints it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from dualwan.config.sections import RFC1918
from dualwan.mape.portset import MAX_PORT

PROGRAMS = ("iptables", "ip6tables")
BASE = ("INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING")
ADDING = ("-A", "-I")

_SAME = {
    "--append": "-A",
    "--insert": "-I",
    "--delete": "-D",
    "--new-chain": "-N",
    "--flush": "-F",
    "--delete-chain": "-X",
    "--policy": "-P",
    "--list": "-L",
    "--table": "-t",
    "--jump": "-j",
    "--goto": "-j",
    "-g": "-j",
    "--protocol": "-p",
    "--proto": "-p",
    "--in-interface": "-i",
    "--out-interface": "-o",
    "--source": "-s",
    "--src": "-s",
    "--destination": "-d",
    "--dst": "-d",
    "--fragment": "-f",
    "--match": "-m",
    "--source-port": "--sport",
    "--destination-port": "--dport",
    "--destination-ports": "--dport",
    "--dports": "--dport",
    "--sports": "--sport",
    "--ctstate": "--state",
    "--to": "--to-address",
    "--to-source": "--to-address",
    "--to-destination": "--to-address",
    "--update": "--rcheck",
}
_COMMANDS = ("-A", "-I", "-D", "-N", "-F", "-X", "-P", "-L", "-S", "-Z", "-R", "-C", "-E")
# Options that do not affect which packets a rule matches.
_SILENT = ("-m", "--comment", "-c", "-w", "-n", "-v", "--line-numbers", "--name", "--rsource")
_OF_TARGET = (
    "--to-address",
    "--reject-with",
    "--log-prefix",
    "--log-level",
    "--set-mark",
    "--set-xmark",
    "--clamp-mss-to-pmtu",
    "--set-mss",
    "--random",
    "--random-fully",
    "--persistent",
    "--to-ports",
    "--mask",
)

# What no host of the internet has, and so no packet from there is from or to.
_INSIDE = (*RFC1918, IPv4Network("127.0.0.0/8"), IPv4Network("169.254.0.0/16"))
_GROUPS = IPv4Network("224.0.0.0/3")  # multicast, and the broadcast address


@dataclass(frozen=True)
class Rule:
    """One call of iptables.

    six: whether it calls ip6tables. command: "-A", "-N" and so on. options: the values of each
    option, by its short name; without options that match no packets. negated: those with `!`.
    """

    six: bool
    table: str
    command: str
    chain: str
    target: str
    options: Mapping[str, str]
    negated: frozenset[str] = frozenset()

    def of(self, option: str) -> str:
        """Return the value of ``option``, "" if it is missing or negated."""
        return "" if option in self.negated else self.options.get(option, "")

    def has(self, option: str) -> bool:
        """Whether the rule has ``option``, not negated."""
        return option in self.options and option not in self.negated

    @property
    def conditions(self) -> frozenset[str]:
        """The options that match packets."""
        return frozenset(self.options) - frozenset(_OF_TARGET)

    def only(self, *options: str) -> bool:
        """Whether the rule has no other conditions than these, and none negated."""
        return not self.negated and self.conditions <= {*options}

    @property
    def states(self) -> frozenset[str]:
        """The conntrack states that it matches, empty for all."""
        return frozenset(self.of("--state").split(",")) - {""}

    @property
    def is_for_answers(self) -> bool:
        """Whether it matches only packets of established flows."""
        return bool(self.states) and "NEW" not in self.states

    @property
    def is_of_few(self) -> bool:
        """Whether it matches only some hosts of a LAN, or only what they send to groups.

        An expansion of the shell may be their whole network.
        """
        groups = map(IPv4Network, networks(self.of("-d")) or ())
        if any(one.subnet_of(_GROUPS) for one in groups):
            return True
        found = networks(self.of("-s"))
        if found is None:
            return not {*self.of("-s")} & {*"$`"}
        return not all(is_private(one) and IPv4Network(one).num_addresses > 1 for one in found)

    @property
    def is_inside(self) -> bool:
        """Whether it matches only packets from or to private addresses."""
        return any(self.of(one) and is_private(self.of(one)) for one in ("-s", "-d"))


def parse(words: Sequence[str]) -> Rule | None:
    """Return the rule in ``words``, a call of iptables; None if they are no such call."""
    name = words[0].rsplit("/", 1)[-1].removesuffix("-legacy").removesuffix("-nft") if words else ""
    if name not in PROGRAMS or "|" in words:
        return None
    table, command, chain, target = "filter", "", "", ""
    options: dict[str, str] = {}
    negated: set[str] = set()
    for option, values, is_negated in _options(words[1:]):
        if option == "-t":
            table = values[0] if values else ""
        elif option in _COMMANDS:
            command, chain = option, values[0] if values else ""
            target = values[1] if option == "-P" and len(values) > 1 else target
        elif option == "-j":
            target = values[0] if values else ""
        elif option not in _SILENT:
            options[option] = " ".join(values)
            if is_negated:
                negated.add(option)
    return Rule(name == "ip6tables", table, command, chain, target, options, frozenset(negated))


def networks(addresses: str) -> tuple[str, ...] | None:
    """Return the parts of ``addresses``, with commas between; () for all, None if one is a name.

    As iptables(8) takes them: bits past the length do not count, zeros at the end of an address may
    be left out (10/8), and what has the length 0 is all, whatever stands before it.
    """
    found = []
    for one in filter(None, addresses.split(",")):
        address, slash, length = one.partition("/")
        if length in {"0", "0.0.0.0"}:  # noqa: S104 - a mask, and nothing is bound
            return ()
        if length.startswith("0."):  # a mask of the last bits, and for Python a length
            return None
        whole = f"{address}{'.0' * (3 - address.count('.'))}{slash}{length}"
        try:
            network = IPv4Network(whole, strict=False)
        except ValueError:  # a name, or an expansion
            return None
        found.append(str(network) if slash else whole)
    return tuple(found)


def is_private(addresses: str) -> bool:
    """Whether each of ``addresses``, networks with commas between, is private."""
    found = [IPv4Network(one) for one in networks(addresses) or ()]
    return bool(found) and all(any(map(one.subnet_of, _INSIDE)) for one in found)


def _options(words: Sequence[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Yield each option by its short name, its values, and whether `!` stands before it."""
    name, negated, following = "", False, False
    values: list[str] = []
    for word in words:
        if word == "!":
            following = True
        elif word.startswith("-") and len(word) > 1:
            if name:
                yield name, values, negated
            name, values, negated, following = _SAME.get(word, word), [], following, False
        else:
            values.append(word)
            negated, following = negated or following, False  # `-d ! ADDRESS`, the old syntax
    if name:
        yield name, values, negated


def bases(rules: Iterable[Rule]) -> dict[tuple[str, str], str]:
    """Return the built-in chain that leads to each chain, by table and chain.

    Without a jump to it, a chain whose name ends as a built-in one's is attributed to that.
    """
    found = {(rule.table, name): name for rule in rules for name in BASE}
    jumps = [rule for rule in rules if rule.command in ADDING and rule.target]
    for _ in range(8):  # levels of jumps; such scripts have fewer
        for rule in jumps:
            if (rule.table, rule.chain) in found:
                found.setdefault((rule.table, rule.target), found[rule.table, rule.chain])
    for rule in rules:
        for name in BASE:
            if rule.chain.endswith(name):
                found.setdefault((rule.table, rule.chain), name)
    return found


def ports(rule: Rule, option: str, limit: int = 20) -> tuple[str, ...] | None:
    """Return "tcp/22" for each port of ``option``; None for other protocols, or over ``limit``."""
    protocol = rule.of("-p")
    if protocol not in {"tcp", "udp"} or not rule.has(option):
        return None
    found: list[str] = []
    for part in rule.of(option).split(","):
        low, _, high = part.partition(":")
        low, high = _NAMES.get(low, low), _NAMES.get(high or low, high or low)
        first, last = number(low), number(high)
        if not 0 < first <= last <= MAX_PORT or last - first >= limit:
            return None
        found += [f"{protocol}/{one}" for one in range(first, last + 1)]
    return tuple(found) if 0 < len(found) <= limit else None


def number(text: str) -> int:
    """Return the number that ``text`` is, 0 to 999999999; -1 for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else -1


_NUMBER = re.compile(r"[0-9]{1,9}")
_NAMES = {
    "ssh": "22",
    "smtp": "25",
    "domain": "53",
    "http": "80",
    "www": "80",
    "ntp": "123",
    "https": "443",
    "submission": "587",
    "imaps": "993",
    "auth": "113",
    "ident": "113",
    "microsoft-ds": "445",
}

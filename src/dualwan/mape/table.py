"""The table of MAP-E rules: the package's own, and those of /etc/dualwan/rules.d.

The TOML parser is loaded only if rules.d has files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dualwan import files, paths
from dualwan.errors import ConfigError, MapeError
from dualwan.mape import packaged
from dualwan.mape.packaged import PACKAGED
from dualwan.mape.rule import (
    DEFAULT_PSID_OFFSET,
    IPV6_BITS,
    MapRule,
    Prefix,
    parse_prefix,
)
from dualwan.words import listed, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from ipaddress import IPv6Interface

    from dualwan.toml_source import TomlTable

RULES_DIR = Path(paths.RULES_DIR)
AUTO = "auto"
Rules = Path | dict[str, str]  # the folder rules.d, or the texts of its files by path


class RuleTable:
    """Rules by prefix length, for longest-prefix match.

    lines: those of the package, parsed completely at a lookup only (which may raise ConfigError).
    texts: the files that were read besides the package's own, by path.
    """

    def __init__(
        self,
        rules: Iterable[MapRule],
        lines: Iterable[packaged.Line] = (),
        texts: Mapping[str, str] | None = None,
    ) -> None:
        self.texts = dict(texts or {})
        self._by_prefix: dict[tuple[int, int], list[MapRule | packaged.Line]] = {}
        for line in lines:
            self._by_prefix.setdefault((line.length, line.leading), []).append(line)
        for rule in rules:
            self._by_prefix.setdefault(_key(rule), []).append(rule)
        self._lengths = sorted({length for length, _ in self._by_prefix}, reverse=True)

    def __iter__(self) -> Iterator[MapRule]:
        return (_rule_of(entry) for entries in self._by_prefix.values() for entry in entries)

    @property
    def providers(self) -> list[str]:
        """Names of all providers in the table, sorted."""
        return sorted({one.provider for entries in self._by_prefix.values() for one in entries})

    def lookup(self, prefix: Prefix, provider: str = AUTO) -> MapRule:
        """Return the rule with the longest Rule IPv6 prefix that covers ``prefix``.

        A ``provider`` other than "auto" restricts the search to its rules. Raises MapeError
        if no rule covers the prefix, if two different rules of the same length do, if no
        rule has that provider, or if ``prefix`` is not a prefix.
        """
        given = parse_prefix(prefix)
        if provider != AUTO and provider not in self.providers:
            raise MapeError(_unknown_provider(provider, self.providers))
        found = self._longest(given, provider)
        if not found:
            raise MapeError(self._why_not(given, provider))
        for other in found[1:]:
            if other.terms != found[0].terms:
                raise MapeError(_ambiguous(given, found[0], other))
        return found[0]

    def _longest(self, given: IPv6Interface, provider: str) -> list[MapRule]:
        bits, given_length = int(given.ip), given.network.prefixlen
        for length in self._lengths:
            if length > given_length:
                continue
            entries = self._by_prefix.get((length, bits >> (IPV6_BITS - length)), [])
            if found := [one for one in entries if provider in {AUTO, one.provider}]:
                return [_rule_of(one) for one in found]
        return []

    def _inside(self, given: IPv6Interface) -> list[MapRule]:
        """Return the rules whose Rule IPv6 prefix is longer than ``given`` and lies in it."""
        short = given.network.prefixlen
        if short >= max(self._lengths, default=0):
            return []
        bits = int(given.ip) >> (IPV6_BITS - short)
        return [
            _rule_of(entry)
            for (length, leading), entries in self._by_prefix.items()
            if length > short and leading >> (length - short) == bits
            for entry in entries
        ]

    def _why_not(self, given: IPv6Interface, provider: str) -> str:
        """Return why no rule covers ``given``, and a remedy."""
        shown = str(given).removesuffix("/128")
        if provider != AUTO and (others := self._longest(given, AUTO)):
            return say(
                "no rule of {provider} covers {shown}, but one of {others_provider} "
                'does: take provider "{others_provider}" or "{auto}"',
                provider=provider,
                shown=shown,
                others_provider=others[0].provider,
                auto=AUTO,
            )
        if inside := self._inside(given):
            return say(
                "{network} is too short: {count} rules lie inside it; give the prefix "
                "that the line announces, at least {end_user_length} bits of it",
                network=given.network,
                count=len(inside),
                end_user_length=inside[0].end_user_length,
            )
        return _in_none(given, shown, provider)


def load_table(rules_dir: Rules = RULES_DIR) -> RuleTable:
    """Return the package's rules and those of ``rules_dir``/*.toml (which may be missing).

    ``rules_dir`` may also be the texts of such files by path. A rule there replaces the package's
    rule of the same provider and ipv6-prefix. Raises ConfigError, with file and line, for an
    unreadable file or an impossible rule.
    """
    if isinstance(rules_dir, Path):
        texts = {str(path): _read(path, trusted=True) for path in _toml_files(rules_dir)}
    else:
        texts = dict(rules_dir)
    local = [rule for name, text in texts.items() for rule in _from_toml(name, text)]
    replaced = {(rule.provider, *_key(rule)) for rule in local}
    own = packaged.read(PACKAGED.name, _read(PACKAGED))
    lines = [one for one in own if one[:3] not in replaced]
    return RuleTable(local, lines, texts)


def _key(rule: MapRule) -> tuple[int, int]:
    """Return the length of the Rule IPv6 prefix, and that many of its first bits."""
    length = rule.ipv6_prefix.prefixlen
    return length, int(rule.ipv6_prefix.network_address) >> (IPV6_BITS - length)


def _rule_of(entry: MapRule | packaged.Line) -> MapRule:
    return entry if isinstance(entry, MapRule) else entry.rule()


def read_toml(path: Path) -> list[MapRule]:
    """Read the [[rule]] tables of a file in rules.d; raises ConfigError with file and line."""
    return _from_toml(str(path), _read(path, trusted=True))


def _from_toml(name: str, text: str) -> list[MapRule]:
    from dualwan.toml_source import Source, TomlTable, parse  # noqa: PLC0415 - rarely needed

    source, data = Source(name, text), parse(name, text)
    top = TomlTable(source, "", data)
    tables = top.take("rule", _list, [])
    top.done()
    return [_rule(TomlTable(source, "rule", table, at)) for at, table in enumerate(tables)]


def _rule(table: TomlTable) -> MapRule:
    where = f"{table.source.name}:{table.source.line('rule', '', table.number)}"
    origin = table.take("source", _text, "")
    fields: dict[str, Any] = {
        "ipv6_prefix": table.take("ipv6-prefix", _text),
        "ipv4_prefix": table.take("ipv4-prefix", _text),
        "ea_length": table.take("ea-length", _whole),
        "psid_offset": table.take("psid-offset", _whole, DEFAULT_PSID_OFFSET),
        "br": table.take("br", _text),
        "layout": table.take("layout", _text, "draft"),
        "provider": table.take("provider", _provider),
        "source": f"{where}: {origin}" if origin else where,
    }
    table.done()
    try:
        return MapRule(**fields)
    except MapeError as error:
        table.fail(str(error))


def _toml_files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigError(f"{directory}: {error.strerror}") from None


def _read(path: Path, *, trusted: bool = False) -> str:
    try:
        return files.read_text(path, trusted=trusted)
    except files.UntrustedError as error:
        raise ConfigError(files.refusal(path, error)) from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(say("{path}: not UTF-8 text", path=path)) from None


def _ambiguous(given: IPv6Interface, one: MapRule, other: MapRule) -> str:
    remedy = say("remove one of them")
    if one.provider != other.provider:
        remedy = say(
            'name the provider ("{provider}" or "{other_provider}")',
            provider=one.provider,
            other_provider=other.provider,
        )
    named = listed(" and ", (f"{rule.provider} {rule} ({rule.source})" for rule in (one, other)))
    return say(
        "two rules of the same length cover {given}: {named}; {remedy}",
        given=given,
        named=named,
        remedy=remedy,
    )


def _in_none(given: IPv6Interface, shown: str, provider: str) -> str:
    """Return why no rule is near ``given``, if the reason is known, or what to ask the provider."""
    from dualwan.mape.unmapped import UNMAPPED  # noqa: PLC0415 - of what has no rule only

    whose = say("the rules known here")
    if provider != AUTO:
        whose = say("the rules of {provider}", provider=provider)
    for network, reason in UNMAPPED:
        if given.ip in network:
            return say(
                "{shown} is in none of {whose}: {reason}",
                shown=shown,
                whose=whose,
                reason=reason,
            )
    return say(
        "{shown} is in none of {whose}: if the provider says that the line has "
        "MAP-E, add its rule to {rules_dir} or give the values by hand ([mape] "
        'provider = "manual"); otherwise ask it which IPv4 service the line has',
        shown=shown,
        whose=whose,
        rules_dir=RULES_DIR,
    )


def _unknown_provider(name: str, known: list[str]) -> str:
    from dualwan.toml_source import unknown  # noqa: PLC0415 - only for this error

    return unknown(say("provider"), name, [AUTO, *known])


def _checked(kind: type, what: str) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) is not kind:  # bool is an int to isinstance
            raise ValueError(say("must be {what}, not {value!r}", what=what, value=value))
        return value

    return convert


_text = _checked(str, say("text in quotes"))
_whole = _checked(int, say("a whole number"))
_list = _checked(list, say("an array of tables, as in [[rule]]"))


def _provider(value: Any) -> str:
    if not _text(value) or value in {AUTO, "manual"}:
        raise ValueError(say("a rule cannot have the provider {value!r}", value=value))
    return str(value)

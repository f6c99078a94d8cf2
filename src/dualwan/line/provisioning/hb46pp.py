"""HB46PP, the Japanese providers' provisioning of IPv4 services. Pure: text in, text out.

Source: IPv6普及・高度化推進協議会 (JAIPA), "IPv6マイグレーション技術の国内標準プロビジョニング
方式" 1.1, https://github.com/v6pc/v6mig-prov/blob/1.1/spec.md; section numbers below are its own.

A TXT record at NAME holds a URL, and the URL returns JSON. Each provider has its own record,
so the line's own resolvers are asked. Of the methods of 3.2 only https with a verified
certificate is used: plain http and `t=a` would let an attacker on the path divert all IPv4
traffic of the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address
from typing import Any, NoReturn

from dualwan.config.mape import HB46PP
from dualwan.errors import MapeError, RemoteError, legible
from dualwan.line.provisioning.answer import (
    DAY,
    MAX_RULES,
    MAX_TTL,
    MIN_TTL,
    Answer,
    ProvidedRule,
    check_end,
    check_ipv4,
    checked_rule,
)
from dualwan.mape.rule import MapRule

NAME = "4over6.info"  # 3.1
VERSION = "v=v6mig-1"
MAX_BODY = 65536  # bytes; 256 rules take about 30,000
MAX_URL = 2048  # characters

# 3.3 asks for an IEEE OUI. This program has none; acde48, of the specification's own example,
# is unassigned.
VENDOR_ID = "acde48-dualwan_hook"
PRODUCT = "dualwan-hook"
CAPABILITIES = ("map_e", "hubspoke")

_LAYOUT = {0: "draft", 1: "rfc"}  # map_e.version
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?\.?")  # RFC 1123, roughly
_TOKEN = re.compile(r"[0-9a-f]{64}")
_MAX_NAME = 256  # bytes, quotes included
_MAX_EA = 48  # bits
_MAX_OFFSET = 15  # bits
_MAX_DEPTH = 64  # of arrays and objects; the specification has 4
# A string, possibly unterminated, or a bracket outside strings.
_MARKS = re.compile(r'"(?:[^"\\]|\\.?)*"?|[\[\]{}]', re.DOTALL)


def server(records: Sequence[str]) -> str:
    """Return the URL of the provisioning server, from the TXT records at NAME (3.1).

    Raises RemoteError if not exactly one record is of this protocol, or if it is faulty or
    asks for a server without a verified certificate.
    """
    ours = {text for text in records if text.split(" ", 1)[0] == VERSION}
    if len(ours) != 1:
        raise RemoteError(f"{NAME} has {len(ours) or 'no'} TXT records with {VERSION}")
    fields: dict[str, str] = {}
    for word in ours.pop().split():
        key, _, value = word.partition("=")
        if key in fields:
            raise RemoteError(f"the TXT record of {NAME} says {key[:20]!r} twice")
        fields[key] = value
    if "url" not in fields:
        raise RemoteError(f"the TXT record of {NAME} names no server")
    url = checked_url(fields["url"])
    if fields.get("t") != "b":
        raise RemoteError(
            f"the server {shown(url)} is not to be checked by its certificate"
            " (t=a), so it is not asked"
        )
    return url


def checked_url(url: str, schemes: tuple[str, ...] = ("https",)) -> str:
    """Return ``url`` if it is of ``schemes``, with a host and no user; raises RemoteError."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - only for a request

    if len(url) > MAX_URL or not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise RemoteError(f"no URL: {url[:60]!a}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RemoteError(f"no URL: {url[:60]!r} ({error})") from None
    if parts.scheme not in schemes:
        raise RemoteError(f"{url[:60]!r} is not {' or '.join(schemes)}, so it is not asked")
    host = parts.hostname or ""
    literal = ":" in host and "%" not in host
    if not (literal or _NAME.fullmatch(host)) or port == 0 or "@" in parts.netloc:
        raise RemoteError(f"no URL to ask: {url[:60]!r}")
    return url


def origin_of(url: str) -> str:
    """Return the server's ``url`` without its query, as the origin of an answer and its token."""
    return url.partition("?")[0].partition("#")[0]


def shown(url: str) -> str:
    """Return scheme and host of ``url``: path and query may hold a key or a password."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{host.rpartition('@')[2]}"


def request(url: str, version: str, token: str = "") -> str:
    """Return ``url`` with the parameters of 3.3; its other parameters stay.

    ``version``: of this program, such as "0.1.0"; its dots become underscores.
    """
    from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit  # noqa: PLC0415 - see above

    parts = urlsplit(url)
    ours = {
        "vendorid": VENDOR_ID,
        "product": PRODUCT,
        "version": "_".join(re.findall(r"[0-9]+", version))[:32] or "0",
        "capability": ",".join(CAPABILITIES),
        **({"token": token} if token else {}),
    }
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in ours]
    query = urlencode([*kept, *ours.items()], safe=",")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def parse(text: str | bytes, origin: str = "") -> Answer:
    """Check and read an answer (3.4); keys beyond the schema are ignored.

    The other services in the answer are checked too, though not used: an error anywhere
    refuses the whole answer. ``origin`` goes into the rules' source, for messages. Raises
    RemoteError, with one printable line, for any departure from the specification.
    """
    top = _object(_json(text), "the answer")
    order = _list(top.get("order"), "order", MAX_RULES)
    name = " ".join(filter(None, (_name(top, "enabler_name"), _name(top, "service_name"))))
    ttl = _number(top.get("ttl", DAY), "ttl", 0, 1 << 31)
    token = top.get("token", "")
    if "token" in top and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        raise RemoteError("token is not 64 hexadecimal digits")
    offered = [way for way in order if isinstance(way, str) and way in top]
    rules = _map_e(top["map_e"], f"{name}, {origin}".strip(", ")) if "map_e" in offered else ()
    if "dslite" in offered:
        _check_dslite(top["dslite"])
    if "ipip" in offered:
        _check_ipip(top["ipip"])
    return Answer(rules, min(max(ttl, MIN_TTL), MAX_TTL), name, token)


def _json(text: str | bytes) -> Any:
    """Read strict JSON (RFC 8259) of at most MAX_BODY bytes; duplicate names are an error."""
    import json  # noqa: PLC0415 - only for an answer

    if len(text) > MAX_BODY:
        raise RemoteError(f"the answer is longer than {MAX_BODY} bytes")
    try:
        plain = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise RemoteError("the answer is not UTF-8 text") from None
    if _depth(plain) > _MAX_DEPTH:
        raise RemoteError("the answer is nested too deeply")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise RemoteError("the answer says something twice")
        return found

    def refuse(_constant: str) -> NoReturn:
        raise RemoteError("the answer has NaN or Infinity, which JSON does not know")

    try:
        return json.loads(plain, object_pairs_hook=unique, parse_constant=refuse)
    except ValueError as error:
        what = "HTML" if plain.lstrip()[:1] == "<" else str(error)[:80]
        raise RemoteError(f"the answer is not JSON: {what}") from None


def _depth(text: str) -> int:
    """Return how deeply arrays and objects are nested in ``text``.

    How deep Python's parser goes before it gives up depends on its version (1,000 to 30,000).
    """
    depth = deepest = 0
    for found in _MARKS.findall(text):
        if found in "[{":
            depth += 1
            deepest = max(depth, deepest)
        elif found in "]}":
            depth -= 1
    return deepest


def _map_e(value: Any, source: str) -> tuple[ProvidedRule, ...]:
    table = _object(value, "map_e")
    version = _number(table.get("version", 0), "map_e.version", 0, 1)
    relay = _address(table.get("br"), "map_e.br")
    rules = _list(table.get("rules"), "map_e.rules", MAX_RULES)
    if not rules:
        raise RemoteError("map_e.rules is empty")
    return tuple(
        _rule(_object(item, f"map_e.rules[{at}]"), relay, _LAYOUT[version], source)
        for at, item in enumerate(rules)
    )


def _rule(table: dict[str, Any], relay: IPv6Address, layout: str, source: str) -> ProvidedRule:
    try:
        rule = MapRule(
            _text(table.get("ipv6"), "ipv6"),
            _text(table.get("ipv4"), "ipv4"),
            _number(table.get("ea_length"), "ea_length", 0, _MAX_EA),
            _number(table.get("psid_offset"), "psid_offset", 0, _MAX_OFFSET),
            relay,
            layout,
            HB46PP,
            source,
        )
    except MapeError as error:
        raise RemoteError(_one_line(error)) from None
    return ProvidedRule(checked_rule(rule))


def _check_dslite(value: Any) -> None:
    """Raise RemoteError unless DS-Lite's AFTR is a name or an address. It is not used."""
    aftr = _text(_object(value, "dslite").get("aftr"), "dslite.aftr")
    if not _NAME.fullmatch(aftr):
        _address(aftr, "dslite.aftr")


def _check_ipip(value: Any) -> None:
    """Raise RemoteError unless these are fixed addresses by IPIP. They are not used."""
    for at, item in enumerate(_list(value, "ipip", MAX_RULES)):
        table = _object(item, f"ipip[{at}]")
        try:
            check_ipv4(IPv4Network(_text(table.get("ipv4"), "ipip.ipv4")))
        except ValueError as error:
            raise RemoteError(_one_line(error)) from None
        _address(table.get("ipv6_local"), "ipip.ipv6_local")
        _address(table.get("ipv6_remote"), "ipip.ipv6_remote")


def _address(value: Any, key: str) -> IPv6Address:
    try:
        address = IPv6Address(_text(value, key))
    except ValueError:
        raise RemoteError(f"{key} is no IPv6 address: {ascii(value)[:60]}") from None
    check_end(address, key)
    return address


def _name(table: dict[str, Any], key: str) -> str:
    """Read a name for the log and the terminal: printable, and at most 256 bytes quoted."""
    name = _text(table.get(key, ""), key)
    if not name.isprintable() or len(name.encode()) + 2 > _MAX_NAME:
        raise RemoteError(f"{key} is no name: {ascii(name)[:60]}")
    return name


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise RemoteError(f"{key} is {'missing' if value is None else 'not text'}")
    return value


def _number(value: Any, key: str, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:  # bool is an int to isinstance
        what = "missing" if value is None else f"not a number from {low} to {high}"
        raise RemoteError(f"{key} is {what}")
    return value


def _list(value: Any, key: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        what = "missing" if value is None else f"no list of up to {most}"
        raise RemoteError(f"{key} is {what}")
    return value


def _object(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RemoteError(f"{key} is no JSON object")
    return value


def _one_line(error: Exception) -> str:
    """Return an error, which may quote the answer, as one printable line of 200 letters."""
    return legible(str(error))[:200]

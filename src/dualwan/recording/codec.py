"""Values of the model as JSON data, and back by their types. Pure.

A recording comes from a stranger: a value that does not have the type of its field is refused.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Any, TypeVar

T = TypeVar("T")

_ADDRESSES = (IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network)
_PLAIN = (str, bool, int, float, type(None))


def encode(value: Any) -> Any:
    """Return ``value`` as data for JSON: dataclasses and NamedTuples as objects by field."""
    if isinstance(value, _PLAIN):  # of a Words sentence only the text
        return str.__str__(value) if isinstance(value, str) else value
    if isinstance(value, _ADDRESSES):
        return str(value)
    if (names := _names(type(value))) is not None:
        return {name: encode(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): encode(one) for key, one in value.items()}
    if isinstance(value, frozenset):
        return [encode(one) for one in sorted(value)]
    if isinstance(value, Iterable):
        return [encode(one) for one in value]
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def decode(kind: Any, data: Any) -> Any:  # noqa: PLR0911 - a return for each kind
    """Return the value of type ``kind`` that ``encode`` has made ``data`` of; raises ValueError."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return _one_of(inner, data)
    if kind in _PLAIN:
        return _plain(kind, data)
    if kind in _ADDRESSES:
        return kind(_plain(str, data))
    if isinstance(kind, type) and (names := _names(kind)) is not None:
        return _object(kind, names, data)
    if origin is tuple:
        return _tuple(inner, data)
    if origin is frozenset:
        return frozenset(decode(inner[0], one) for one in _plain(list, data))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        found = _plain(dict, data)
        return {_key(inner[0], key): decode(inner[1], one) for key, one in found.items()}
    raise ValueError(f"no recording has a {kind}")


def _names(kind: type) -> tuple[str, ...] | None:
    """Return the fields of a dataclass or NamedTuple; None for any other type."""
    if is_dataclass(kind):
        return tuple(one.name for one in fields(kind))
    return getattr(kind, "_fields", None)


def _plain(kind: Any, data: Any) -> Any:
    if kind is float and type(data) is int:
        return float(data)
    if data is None and kind in {None, type(None)}:
        return None
    if type(data) is not kind:  # a bool is an int to isinstance
        raise ValueError(f"{data!r:.60} is no {getattr(kind, '__name__', kind)}")
    return data


def _one_of(kinds: Sequence[Any], data: Any) -> Any:
    for kind in kinds:
        try:
            return decode(kind, data)
        except ValueError:
            continue
    raise ValueError(f"{data!r:.60} is none of {', '.join(map(str, kinds))}")


def _tuple(kinds: Sequence[Any], data: Any) -> tuple[Any, ...]:
    found = _plain(list, data)
    if len(kinds) == 2 and kinds[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        return tuple(decode(kinds[0], one) for one in found)
    if len(kinds) != len(found):
        raise ValueError(f"{data!r:.60} does not have {len(kinds)} values")
    return tuple(decode(kind, one) for kind, one in zip(kinds, found, strict=True))


def _key(kind: Any, text: str) -> Any:
    return int(text) if kind is int else decode(kind, text)


def _object(kind: type, names: Sequence[str], data: Any) -> Any:
    found = _plain(dict, data)
    if not set(found) <= set(names):
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(set(found) - set(names)))}")
    hints = _hints(kind)
    try:
        return kind(**{name: decode(hints[name], one) for name, one in found.items()})
    except TypeError:  # a field without default is missing
        raise ValueError(f"{data!r:.60} is no whole {kind.__name__}") from None


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of the fields, also of those that are imported for type checkers only."""
    from dualwan.model.resources import RouteRule, Tunnel  # noqa: PLC0415 - see Surroundings
    from dualwan.nft.foreign.chain import Chain  # noqa: PLC0415 - see Surroundings
    from dualwan.ppp.options import PeerOptions  # noqa: PLC0415 - see PppFiles
    from dualwan.ppp.starters import Starter  # noqa: PLC0415 - see PppFiles

    known = (RouteRule, Tunnel, Chain, PeerOptions, Starter)
    return typing.get_type_hints(kind, localns={one.__name__: one for one in known})

"""Notices as data for JSON, and back: root's own files, checked like any other. Pure."""

from __future__ import annotations

from typing import Any

from dualwan.notice.pending import Pending, Shift
from dualwan.notice.router import Router, WayState


def encode_router(router: Router) -> dict[str, Any]:
    """Return ``router`` as data for JSON."""
    return {
        "ways": {name: list(way) for name, way in router.ways.items()},
        "default": router.default,
        "carrier": router.carrier,
        "prefix": router.prefix,
    }


def decode_router(data: Any) -> Router:
    """Return the router in ``data``; raises LookupError, TypeError, ValueError, AttributeError."""
    return Router(
        {_text(name): _way(way) for name, way in data["ways"].items()},
        _text(data["default"]),
        _text(data["carrier"]),
        _text(data["prefix"]),
    )


def encode(pending: Pending) -> dict[str, Any]:
    """Return ``pending`` as data for JSON."""
    return {
        "ways": {name: [list(one) for one in shift] for name, shift in pending.ways.items()},
        "carrier": pending.carrier,
        "now": encode_router(pending.now),
        "slices": list(pending.slices),
        "reason": pending.reason,
    }


def decode(data: Any) -> Pending:
    """Return what is pending by ``data``; raises as decode_router."""
    return Pending(
        {_text(name): Shift(*(_way(one) for one in shift)) for name, shift in data["ways"].items()},
        _text(data["carrier"]),
        decode_router(data["now"]),
        tuple(_text(name) for name in data["slices"]),
        _text(data["reason"]),
    )


def _way(data: Any) -> WayState:
    up, lost, interface, address, ports = data
    return WayState(
        bool(up),
        bool(lost),
        _text(interface),
        _text(address),
        tuple((int(low), int(high)) for low, high in ports),
    )


def _text(value: Any) -> str:
    """Return ``value`` as text that an environment can hold."""
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{value!r} is no text")
    return value

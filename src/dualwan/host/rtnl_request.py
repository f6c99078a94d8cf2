"""Requests of rtnetlink that change something, made by pyroute2's message classes (from 0.7.2).

`import pyroute2` runs an __init__ that loads its database, command line and test tools, and its
socket IPRoute loads all of traffic control, unittest and asyncio: 340 modules in all. An event
needs one class or two of ``pyroute2.netlink.rtnl``, so the package is registered without running
its __init__, and the socket is our own (host.rtnl): 13 ms instead of 38 for an event that changes a
rule. If that fails with some release, the ordinary import is the fallback. A fix upstream would be
to import lazily in ``pyroute2/__init__.py`` (PEP 562), to drop the test tools from
``iproute/linux.py``, and to import ``multiprocessing`` in ``config`` only where it is used.

pyroute2's config module asks platform for the processor and the architecture, which runs `uname -p`
and file(1): two processes in each event, for values that only pyroute2's namespaces read.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dualwan import unstarted

PACKAGE = "pyroute2"
FIRST_COMPAT = 256  # larger table numbers do not fit into the header
RT_TABLE_COMPAT = 252


def of_address(fields: Mapping[str, int], address: str, lifetimes: Mapping[str, int]) -> Any:
    """Return a request about an ``address``; ``lifetimes`` as in IFA_CACHEINFO, none if empty."""
    both = ":" not in address  # IFA_LOCAL would give an IPv6 address a peer
    return _message(
        "ifaddrmsg",
        fields,
        IFA_ADDRESS=address,
        IFA_LOCAL=address if both else None,
        IFA_CACHEINFO=dict(lifetimes) or None,
    )


def of_link(
    fields: Mapping[str, int], kind: str, data: Mapping[str, Any], attributes: Mapping[str, Any]
) -> Any:
    """Return a request about a device; ``data``: the attributes of a ``kind`` of devices."""
    info: list[list[Any]] = [["IFLA_INFO_KIND", kind]]
    if data:
        info.append(["IFLA_INFO_DATA", {"attrs": [[*pair] for pair in data.items()]}])
    return _message(
        "ifinfmsg", fields, **attributes, IFLA_LINKINFO={"attrs": info} if kind else None
    )


def of_route(fields: Mapping[str, int], table: int, attributes: Mapping[str, Any]) -> Any:
    """Return a request about a route in ``table``."""
    fields = {**fields, "table": _short(table)}
    return _message("rtmsg", fields, RTA_TABLE=table, **attributes)


def of_rule(fields: Mapping[str, int], table: int, attributes: Mapping[str, Any]) -> Any:
    """Return a request about a rule that looks up ``table``."""
    fields = {**fields, "table": _short(table)}
    return _message("fibmsg", fields, FRA_TABLE=table, **attributes)


def encoded(message: Any, kind: int, flags: int, sequence: int) -> bytes:
    """Return the bytes of a request, for the socket."""
    message["header"] = {"type": kind, "flags": flags, "sequence_number": sequence, "pid": 0}
    message.encode()
    return bytes(message.data)


def _short(table: int) -> int:
    return table if table < FIRST_COMPAT else RT_TABLE_COMPAT


def _message(class_: str, fields: Mapping[str, int], **attributes: Any) -> Any:
    """Return a message of pyroute2's ``class_``, without the attributes that are None."""
    message = _loaded(class_)()
    message.update(fields)
    message["attrs"] = [[name, value] for name, value in attributes.items() if value is not None]
    return message


@contextmanager
def _platform_known() -> Iterator[None]:
    """Have platform answer from this interpreter, without starting a program."""
    asked = platform.uname, platform.architecture
    bits = "64bit" if sys.maxsize > 1 << 32 else "32bit"
    replacements: Any = os.uname, lambda *_, **__: (bits, "ELF")
    platform.uname, platform.architecture = replacements
    try:
        yield
    finally:
        platform.uname, platform.architecture = asked


@_platform_known()
def _loaded(name: str) -> Any:
    """Return pyroute2's class for a message, which has the name of its module."""
    return unstarted.load(f"{PACKAGE}.netlink.rtnl.{name}", name)

"""pyroute2's rtnetlink socket without the rest of the package, and its errors as ours.

`import pyroute2` runs an __init__ that loads its database, command line and test tools. On a
slow router that takes more than half of the time between a PPPoE connect and its route. The
socket needs none of it, so the package is registered without running its __init__. If that
fails with some release, the ordinary import is the fallback.

Its config module asks platform for the processor and the architecture, which runs `uname -p` and
file(1): two processes in each event, for values that only pyroute2's namespaces read.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from dualwan.errors import DualwanError, KernelError

PACKAGE = "pyroute2"


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
def _load() -> Any:
    """Return the class IPRoute."""
    spec = importlib.util.find_spec(PACKAGE) if PACKAGE not in sys.modules else None
    if spec is not None:
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        return importlib.import_module("pyroute2.iproute.linux").IPRoute
    except (ImportError, AttributeError):
        for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
            del sys.modules[name]
        return importlib.import_module(PACKAGE).IPRoute


IPRoute = _load()

from pyroute2.netlink import NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST  # noqa: E402 - after _load
from pyroute2.netlink.exceptions import (  # noqa: E402 - after _load
    NetlinkDumpInterrupted,
    NetlinkError,
)
from pyroute2.netlink.rtnl import (  # noqa: E402 - after _load
    RTM_NEWROUTE,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
)

__all__ = [
    "NLM_F_ACK",
    "NLM_F_CREATE",
    "NLM_F_REQUEST",
    "RTMGRP_IPV6_IFADDR",
    "RTMGRP_IPV6_ROUTE",
    "RTMGRP_LINK",
    "RTM_NEWROUTE",
    "IPRoute",
    "NetlinkError",
    "dump",
    "gone_is_fine",
    "refused",
    "understood",
]


DUMPS = 20  # attempts at a listing that changes of other programs interrupt


def dump(what: str, ask: Callable[[], Iterable[Any]]) -> tuple[Any, ...]:
    """Return the messages of the dump ``ask``, ``what`` it lists; raises KernelError.

    A listing that a change interrupts may lack some (NLM_F_DUMP_INTR); the kernel is asked again.
    """
    with refused(what):
        for _ in range(DUMPS):
            try:
                return tuple(ask())
            except NetlinkDumpInterrupted:
                continue
    raise KernelError(f"{what}: other programs change them faster than they can be listed")


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Turn a NetlinkError of the body, or an OSError of its socket, into a KernelError."""
    try:
        yield
    except NetlinkError as error:
        raise KernelError(f"{what}: {_reason(error)}") from None
    except OSError as error:
        raise KernelError(f"{what}: {error.strerror or error}") from None


def _reason(error: NetlinkError) -> str:
    return os.strerror(error.code) if error.code > 0 else str(error)


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn the errors that follow from a malformed message into a KernelError about ``what``.

    pyroute2 hands an attribute that it cannot decode over as bytes, and a missing one as None.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, DualwanError):
            raise
        raise KernelError(f"{what}: the kernel's answer cannot be read") from error


@contextmanager
def gone_is_fine(what: str, code: int) -> Iterator[None]:
    """Do as ``refused``, but ignore the errno ``code``: another program has done it already."""
    with refused(what):
        try:
            yield
        except NetlinkError as error:
            if error.code != code:
                raise

"""pyroute2's rtnetlink socket, without what the package loads besides.

`import pyroute2` runs an __init__ that loads its database, its command line and its test
laboratory: more than half of the time between a PPPoE connect and its route on a slow
router. The parts that are used here do not need it, so the package is registered without
running it. Where a release does need it, the ordinary import follows.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dualwan.errors import KernelError

PACKAGE = "pyroute2"


def _load() -> Any:
    """The class IPRoute."""
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
from pyroute2.netlink.exceptions import NetlinkError  # noqa: E402 - after _load
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
    "gone_is_fine",
    "refused",
]


@contextmanager
def refused(what: str) -> Iterator[None]:
    """Turn pyroute2's error into a KernelError about ``what``."""
    try:
        yield
    except NetlinkError as error:
        raise KernelError(f"{what}: {os.strerror(error.code) if error.code else error}") from None


@contextmanager
def gone_is_fine(what: str, code: int) -> Iterator[None]:
    """Do as ``refused``, but pass over the error ``code``: another program was quicker."""
    with refused(what):
        try:
            yield
        except NetlinkError as error:
            if error.code != code:
                raise

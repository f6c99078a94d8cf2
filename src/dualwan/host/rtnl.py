"""The rtnetlink socket: links, addresses, routes and rules, and its errors as ours.

With the words of pyroute2's IPRoute, as far as this program has use for them. What is read is
read here (host.rtnl_message); what is changed is put into pyroute2's messages
(host.rtnl_request), which says why its socket is not used.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

from dualwan.errors import DualwanError, KernelError
from dualwan.host.nfnetlink import (
    ACKNOWLEDGE,
    BUFFER,
    DONE,
    DUMP,
    ERROR,
    HEADER,
    INTERRUPTED,
    REQUEST,
    SECONDS,
    contents,
    packed,
    refusal,
)
from dualwan.host.rtnl_message import IFADDR, IFF_UP, IFINFO, RTMSG, Message, is_known

NETLINK_ROUTE = 0
SOL_NETLINK, NETLINK_GET_STRICT_CHK = 270, 12  # linux/netlink.h
CREATE, EXCLUSIVE, REPLACE = 0x400, 0x200, 0x100  # NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
CHANGE = REQUEST | ACKNOWLEDGE
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
RTMGRP_IPV6_IFADDR = 0x100
IFLA_IFNAME, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS = 3, 29, 8
RTA_DST = 1
DUMPS = 20  # attempts at a listing that changes of other programs interrupt


class NetlinkError(Exception):
    """A request that the kernel refuses; ``code``: the errno."""

    def __init__(self, code: int, sentence: str = "") -> None:
        super().__init__(code, sentence or os.strerror(code))
        self.code = code


class NetlinkDumpInterrupted(Exception):  # noqa: N818 - pyroute2's name
    """A listing that another program has changed meanwhile (NLM_F_DUMP_INTR)."""


class IPRoute:
    """A socket of rtnetlink. Each method raises NetlinkError or OSError, also at a timeout."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
        self._socket.settimeout(SECONDS)
        with suppress(OSError):  # before Linux 4.20 the kernel does not filter listings
            self._socket.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    # --- news ----------------------------------------------------------------------------

    def bind(self, groups: int) -> None:
        """Receive messages about changes in the ``groups``, a mask of RTMGRP_."""
        self._socket.bind((0, groups))

    def fileno(self) -> int:
        """Return the number of the socket, for poll()."""
        return self._socket.fileno()

    def get(self) -> None:
        """Receive and drop one message; the caller then reads the kernel's state."""
        self._socket.recv(BUFFER)

    # --- reading -------------------------------------------------------------------------

    def link_lookup(self, ifname: str) -> list[int]:
        """Return the index of the device ``ifname`` in a list, an empty one for none."""
        try:
            return [message["index"] for message in self._link(0, ifname)]
        except NetlinkError:
            return []

    def get_links(self, index: int = 0) -> list[Message]:
        """Return the device ``index`` without its counters, or each device with them."""
        return self._link(index) if index else self._dump(RTM_GETLINK, IFINFO.pack(*[0] * 5))

    def get_addr(self, family: int) -> list[Message]:
        """Return the addresses of a ``family``."""
        return self._dump(RTM_GETADDR, IFADDR.pack(family, 0, 0, 0, 0))

    def get_routes(self, family: int, proto: int = 0) -> list[Message]:
        """Return the routes of a ``family``; only those of ``proto``, if the kernel can filter."""
        return self._dump(RTM_GETROUTE, RTMSG.pack(family, 0, 0, 0, 0, proto, 0, 0, 0))

    def get_rules(self, family: int, holding: bytes = b"") -> list[Message]:
        """Return the rules of a ``family`` whose bytes contain ``holding``, a packed attribute.

        The kernel has no filter for rules. Other programs may have thousands, which are dropped as
        they are received. The bytes can match by chance, so the caller has to check the attribute.
        """
        return self._dump(RTM_GETRULE, RTMSG.pack(family, *[0] * 8), holding)

    def _link(self, index: int, name: str = "") -> list[Message]:
        """Return a device; raises NetlinkError.

        An alternative name is refused (altname, ip-link(8)): nft and /proc/sys do not know it.
        """
        skip = packed(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS.to_bytes(4, sys.byteorder))
        named = packed(IFLA_IFNAME, name) if name else b""
        head = IFINFO.pack(socket.AF_UNSPEC, 0, index, 0, 0)
        found = self._ask(RTM_GETLINK, REQUEST, head + named + skip)
        if name and any(one.get_attr("IFLA_IFNAME") != name for one in found):
            raise NetlinkError(errno.ENODEV)
        return found

    def _dump(self, kind: int, body: bytes, holding: bytes = b"") -> list[Message]:
        return self._ask(kind, REQUEST | DUMP, body, holding)

    # --- changing ------------------------------------------------------------------------

    def addr(self, verb: str, *, index: int, address: str, prefixlen: int, **more: Any) -> None:
        """Add or change ("replace"), or remove ("del") an ``address``.

        ``more``: family, and flags and cacheinfo (IFA_CACHEINFO), if any.
        """
        lifetimes = more.pop("cacheinfo", {})
        fields = {"index": index, "prefixlen": prefixlen, **more}
        kinds = {"replace": (RTM_NEWADDR, CHANGE | CREATE | REPLACE), "del": (RTM_DELADDR, CHANGE)}
        self._order(*kinds[verb], _requests().of_address(fields, address, lifetimes))

    def link(self, verb: str, *, index: int = 0, ifname: str = "", **more: Any) -> list[Message]:
        """Return ("get"), add, change ("set") or remove ("del") a device.

        ``more``: mtu, state ("up"), kind, and the attributes of a tunnel as ip6tnl_local.
        """
        if verb == "get":
            return self._link(index, ifname)
        kinds = {
            "add": (RTM_NEWLINK, CHANGE | CREATE | EXCLUSIVE),
            "set": (RTM_NEWLINK, CHANGE),
            "del": (RTM_DELLINK, CHANGE),
        }
        up = IFF_UP if more.pop("state", "") == "up" else 0
        kind = more.pop("kind", "")
        data = {
            f"IFLA_{key.upper()}": more.pop(key) for key in [*more] if key.startswith(f"{kind}_")
        }
        named = {"IFLA_IFNAME": ifname or None, **_words("IFLA", more)}
        fields = {"index": index, "flags": up, "change": up}
        self._order(*kinds[verb], _requests().of_link(fields, kind, data, named))
        return []

    def route(self, verb: str | tuple[int, int], **more: Any) -> list[Message]:
        """Return ("get"), remove ("del"), or add a route; that with a type and flags for a verb.

        ``more``: family, and dst of a "get"; else of a route table, proto, type, and scope, oif
        and priority, if any, and dst and dst_len unless it is a default route.
        """
        if verb == "get":
            return self._route_to(more["dst"], more["family"])
        kind, flags = (RTM_DELROUTE, CHANGE) if isinstance(verb, str) else verb
        header = ("family", "proto", "type", "scope", "dst_len")
        fields = {key: more[key] for key in header if key in more}
        named = ["oif", "priority", *(["dst"] if fields.get("dst_len") else [])]
        known = _words("RTA", {key: more[key] for key in named if key in more})
        self._order(kind, flags, _requests().of_route(fields, more["table"], known))
        return []

    def _route_to(self, address: str, family: int) -> list[Message]:
        to = socket.inet_pton(family, address)
        head = RTMSG.pack(family, 8 * len(to), *[0] * 7)
        return self._ask(RTM_GETROUTE, REQUEST, head + packed(RTA_DST, to))

    def rule(self, verb: str, *, family: int, action: int, table: int, **more: Any) -> None:
        """Add or remove ("del") a rule; ``more``: its priority, protocol, and what it selects."""
        kinds = {"add": (RTM_NEWRULE, CHANGE | CREATE | EXCLUSIVE), "del": (RTM_DELRULE, CHANGE)}
        fields = {"family": family, "action": action, "src_len": more.pop("src_len", 0)}
        self._order(*kinds[verb], _requests().of_rule(fields, table, _words("FRA", more)))

    # --- the socket ----------------------------------------------------------------------

    def _order(self, kind: int, flags: int, message: Any) -> None:
        self._sequence += 1
        self._socket.send(_requests().encoded(message, kind, flags, self._sequence))
        self._answers(many=True)

    def _ask(self, kind: int, flags: int, body: bytes, holding: bytes = b"") -> list[Message]:
        self._sequence += 1
        head = HEADER.pack(HEADER.size + len(body), kind, flags, self._sequence, 0)
        self._socket.send(head + body)
        return self._answers(many=bool(flags & DUMP), holding=holding)

    def _answers(self, *, many: bool, holding: bytes = b"") -> list[Message]:
        """Return the answers to the last request: until an end or confirmation if ``many``.

        Only those that contain the bytes ``holding``.
        """
        found: list[Message] = []
        interrupted = 0
        while True:
            for kind, flags, sequence, body in contents(self._socket.recv(BUFFER)):
                if sequence != self._sequence:
                    continue  # the answer to an earlier request, which a signal interrupted
                if code := refusal(kind, body):
                    raise NetlinkError(code)
                interrupted |= flags & INTERRUPTED
                if kind in (ERROR, DONE):
                    if interrupted:
                        raise NetlinkDumpInterrupted
                    return found
                if is_known(kind) and holding in body:
                    found.append(Message(kind, body))
            if found and not many:
                return found


def _requests() -> Any:
    """Return the module that loads pyroute2, which an event without changes does not need."""
    from dualwan.host import rtnl_request  # noqa: PLC0415 - see above

    return rtnl_request


def _words(prefix: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``words`` with the names of attributes."""
    return {f"{prefix}_{key.upper()}": value for key, value in words.items()}


def dump(what: str, ask: Callable[[], Iterable[Message]]) -> tuple[Message, ...]:
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
        raise KernelError(f"{what}: {error.args[1]}") from None
    except OSError as error:
        raise KernelError(f"{what}: {error.strerror or error}") from None


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn the errors that follow from a malformed message into a KernelError about ``what``.

    A length that cannot be is an OSError, a malformed attribute a ValueError, a missing one None.
    """
    try:
        yield
    except OSError as error:
        raise KernelError(f"{what}: {error.strerror or error}") from error
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

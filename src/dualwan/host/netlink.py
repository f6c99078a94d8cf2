"""Links, addresses, routes and rules read by rtnetlink."""

from __future__ import annotations

import errno
import sys
from collections.abc import Collection, Iterable
from socket import AF_INET, AF_INET6
from typing import Any

from dualwan.config.values import covers
from dualwan.host.nfnetlink import packed
from dualwan.host.rtnl import IPRoute, NetlinkError, dump, refused, understood
from dualwan.host.rtnl_message import IFA_F_DEPRECATED, IFF_UP
from dualwan.model.observed import Link
from dualwan.model.resources import RTPROT_DUALWAN, Address, Route, RouteRule, Tunnel

IGNORE_ENCAP_LIMIT = 0x1  # IP6_TNL_F_IGN_ENCAP_LIMIT: "encaplimit none"
IPV6_BITS = 128
HOST = "/32"  # of a network that is one address
LOCAL = 2  # RTN_LOCAL
FRA_TABLE, FRA_PROTOCOL = 15, 21  # linux/fib_rules.h
NO_LENGTH = 0xFFFFFFFF  # FRA_SUPPRESS_PREFIXLEN of a rule that suppresses nothing


class Netlink:
    """Resources read by one rtnetlink socket, which is opened at first use."""

    def __init__(self) -> None:
        self._socket: Any = None

    @property
    def ipr(self) -> Any:
        """The rtnetlink socket; raises KernelError."""
        if self._socket is None:
            with refused("rtnetlink"):
                self._socket = IPRoute()
        return self._socket

    def link(self, name: str) -> Any | None:
        """Return the message about a device, None if there is none; raises KernelError."""
        with refused(f"link {name}"):
            try:
                found = self.ipr.link("get", ifname=name)
            except NetlinkError as error:
                if error.code != errno.ENODEV:
                    raise
                return None
        return found[0] if found else None

    @understood("links and addresses")
    def look(self, names: Iterable[str]) -> tuple[dict[str, Link], list[Address], list[Tunnel]]:
        """Return links, addresses and tunnels of those devices in ``names`` that exist.

        Raises KernelError.
        """
        links: dict[str, Link] = {}
        raw: dict[str, Any] = {}
        for name in dict.fromkeys(name for name in names if name):
            message = self.link(name)
            if message is not None:
                raw[name] = message
                links[name] = Link(
                    message["index"], bool(message["flags"] & IFF_UP), _kind(message)
                )
        by_index = {link.index: name for name, link in links.items()}
        tunnels = [
            _tunnel(name, message, self._name)
            for name, message in raw.items()
            if links[name].kind == "ip6tnl"
        ]
        return links, self._addresses(by_index), tunnels

    def _addresses(self, by_index: dict[int, str]) -> list[Address]:
        if not by_index:
            return []
        found = []
        for message in (
            *dump("addresses", lambda: self.ipr.get_addr(family=AF_INET)),
            *dump("addresses", lambda: self.ipr.get_addr(family=AF_INET6)),
        ):
            if message["family"] == AF_INET6 and message["prefixlen"] != IPV6_BITS:
                continue  # ours are host addresses
            device = by_index.get(message["index"])
            local = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            if device and local:
                flags = message.get_attr("IFA_FLAGS") or message["flags"]
                found.append(Address(device, local, bool(flags & IFA_F_DEPRECATED)))
        return found

    def _name(self, index: int) -> str:
        """Return the name of the device ``index``, "" if it is gone.

        A tunnel keeps the index of its link after that is unplugged.
        """
        with refused(f"link {index}"):
            try:
                messages = self.ipr.get_links(index)
            except NetlinkError as error:
                if error.code != errno.ENODEV:
                    raise
                return ""
        return str(messages[0].get_attr("IFLA_IFNAME")) if messages else ""

    @understood("routes")
    def routes(self) -> list[Route]:
        """Return the IPv4 routes with our protocol number, of all tables; raises KernelError."""
        names: dict[int, str] = {}
        found = []
        for message in dump("routes", lambda: self.ipr.get_routes(AF_INET, RTPROT_DUALWAN)):
            if message["proto"] != RTPROT_DUALWAN:
                continue
            index = message.get_attr("RTA_OIF") or 0
            if index not in names:
                names[index] = self._name(index) if index else ""
            if index and not names[index]:
                continue  # the device is gone since, and the route with it
            found.append(
                Route(
                    message.get_attr("RTA_TABLE") or message["table"],
                    names[index],
                    message.get_attr("RTA_PRIORITY") or 0,
                    _network(message.get_attr("RTA_DST"), message["dst_len"]),
                )
            )
        return found

    @understood("routes")
    def is_behind(self, address: str, devices: Collection[str]) -> bool:
        """Whether ``address`` is routed to one of ``devices``, or has no route.

        ``devices``: names, or patterns as a zone has them. False for an address of this machine.
        Raises KernelError.
        """
        message = self._route_to(address)
        if message is None:  # packets with this source may come in
            return True
        index = message.get_attr("RTA_OIF") or 0
        if message["type"] == LOCAL or not index:
            return bool(message["type"] != LOCAL)
        return any(covers(one, self._name(index)) for one in devices)

    @understood("routes")
    def is_own(self, address: str) -> bool:
        """Whether ``address`` is one of this machine; raises KernelError."""
        message = self._route_to(address)
        return message is not None and message["type"] == LOCAL

    def _route_to(self, address: str) -> Any | None:
        """Return the route to ``address``, None for no route."""
        family = AF_INET6 if ":" in address else AF_INET
        try:
            (message, *_) = self.ipr.route("get", dst=address, family=family)
        except NetlinkError:
            return None
        return message

    @understood("links")
    def all_tunnels(self) -> list[Tunnel]:
        """Return the IPv6 tunnels of the machine, ours and others'; raises KernelError."""
        messages = dump("links", self.ipr.get_links)
        return [
            _tunnel(str(message.get_attr("IFLA_IFNAME")), message, self._name)
            for message in messages
            if _kind(message) == "ip6tnl"
        ]

    def rules(self) -> list[RouteRule]:
        """Return the IPv4 rules with our protocol number; raises KernelError."""
        return self._rules(
            packed(FRA_PROTOCOL, bytes([RTPROT_DUALWAN]))[:5], ours=True
        )  # no padding

    def rules_of_others(self, table: int) -> list[RouteRule]:
        """Return the IPv4 rules to ``table`` with another protocol number; raises KernelError."""
        to_table = packed(FRA_TABLE, table.to_bytes(4, sys.byteorder))
        return [rule for rule in self._rules(to_table, ours=False) if rule.table == table]

    @understood("rules")
    def _rules(self, holding: bytes, *, ours: bool) -> list[RouteRule]:
        messages = dump("rules", lambda: self.ipr.get_rules(AF_INET, holding))
        return [
            RouteRule(
                message.get_attr("FRA_PRIORITY") or 0,
                message.get_attr("FRA_TABLE") or message["table"],
                _network(message.get_attr("FRA_SRC"), message["src_len"]).removesuffix(HOST),
                message.get_attr("FRA_FWMARK") or 0,
                message.get_attr("FRA_FWMASK") or 0,
                _suppressed(message.get_attr("FRA_SUPPRESS_PREFIXLEN")),
            )
            for message in messages
            if (message.get_attr("FRA_PROTOCOL") == RTPROT_DUALWAN) is ours
        ]


def _network(address: str | None, length: int) -> str:
    """Return a network as text, "" for all addresses."""
    return f"{address}/{length}" if address else ""


def _suppressed(length: int | None) -> int | None:
    """Return the prefix length of a rule; the kernel has -1 for none."""
    return None if length in {None, NO_LENGTH} else length


def _kind(message: Any) -> str:
    info = message.get_attr("IFLA_LINKINFO")
    return str(info.get_attr("IFLA_INFO_KIND") or "") if info else ""


def _tunnel(name: str, message: Any, name_of: Any) -> Tunnel:
    data = message.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_DATA")
    link = data.get_attr("IFLA_IP6TNL_LINK")
    no_limit = bool((data.get_attr("IFLA_IP6TNL_FLAGS") or 0) & IGNORE_ENCAP_LIMIT)
    return Tunnel(
        name,
        str(data.get_attr("IFLA_IP6TNL_LOCAL")),
        str(data.get_attr("IFLA_IP6TNL_REMOTE")),
        name_of(link) if link else "",
        int(message.get_attr("IFLA_MTU")),
        up=bool(message["flags"] & IFF_UP) and no_limit,
    )

"""Links, addresses, routes and rules by rtnetlink, through pyroute2 (0.7.2 and later)."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from socket import AF_INET, AF_INET6
from typing import Any

from dualwan.errors import KernelError
from dualwan.host.rtnl import (
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_REQUEST,
    RTM_NEWROUTE,
    IPRoute,
    NetlinkError,
    gone_is_fine,
    refused,
)
from dualwan.model.observed import Link
from dualwan.model.resources import RTPROT_DUALWAN, Address, Route, RouteRule, Tunnel

IFF_UP = 1
IFA_F_NODAD = 0x02
IFA_F_DEPRECATED = 0x20
IGNORE_ENCAP_LIMIT = 0x1  # IP6_TNL_F_IGN_ENCAP_LIMIT: "encaplimit none"
IPPROTO_IPIP = 4
HOP_LIMIT = 64
IPV6_BITS = 128
FOREVER = 0xFFFFFFFF
SCOPE_UNIVERSE, SCOPE_LINK = 0, 253
TO_TABLE = 1  # FR_ACT_TO_TBL
NO_LENGTH = 0xFFFFFFFF  # FRA_SUPPRESS_PREFIXLEN of a rule that suppresses nothing
UNICAST, UNREACHABLE = 1, 7  # RTN_UNICAST, RTN_UNREACHABLE
# Without NLM_F_EXCL and NLM_F_APPEND the kernel puts the route before others of the same
# metric (fib_table_insert), so a default route that pppd has left does not go before ours.
PREPEND = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE


class Netlink:
    """Resources read and changed by one rtnetlink socket, which is opened at first use."""

    def __init__(self) -> None:
        self._socket: Any = None

    @property
    def ipr(self) -> Any:
        """The rtnetlink socket."""
        if self._socket is None:
            self._socket = IPRoute()
        return self._socket

    # --- reading -------------------------------------------------------------------------

    def _link(self, name: str) -> Any | None:
        try:
            found = self.ipr.link("get", ifname=name)
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return None
            raise KernelError(f"link {name}: {os.strerror(error.code)}") from None
        return found[0] if found else None

    def look(self, names: Iterable[str]) -> tuple[dict[str, Link], list[Address], list[Tunnel]]:
        """Return links, addresses and tunnels of those devices in ``names`` that exist.

        Raises KernelError.
        """
        links: dict[str, Link] = {}
        raw: dict[str, Any] = {}
        for name in dict.fromkeys(name for name in names if name):
            message = self._link(name)
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
        with refused("addresses"):
            messages = (*self.ipr.get_addr(family=AF_INET), *self.ipr.get_addr(family=AF_INET6))
        for message in messages:
            if message["family"] == AF_INET6 and message["prefixlen"] != IPV6_BITS:
                continue  # ours are host addresses
            device = by_index.get(message["index"])
            local = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            if device and local:
                flags = message.get_attr("IFA_FLAGS") or message["flags"]
                found.append(Address(device, local, bool(flags & IFA_F_DEPRECATED)))
        return found

    def _name(self, index: int) -> str:
        """Return the name of the device ``index``, "" where it is gone.

        A tunnel keeps the index of its link when that is unplugged.
        """
        try:
            messages = self.ipr.get_links(index)
        except NetlinkError as error:
            if error.code == errno.ENODEV:
                return ""
            raise KernelError(f"link {index}: {os.strerror(error.code)}") from None
        return str(messages[0].get_attr("IFLA_IFNAME")) if messages else ""

    def routes(self) -> list[Route]:
        """Return the IPv4 routes with our protocol number, of all tables; raises KernelError."""
        names: dict[int, str] = {}
        found = []
        with refused("routes"):
            messages = tuple(self.ipr.get_routes(family=AF_INET))
        for message in messages:
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
                )
            )
        return found

    def all_tunnels(self) -> list[Tunnel]:
        """Return the IPv6 tunnels of the machine, ours and others'; raises KernelError."""
        with refused("links"):
            messages = tuple(self.ipr.get_links())
        return [
            _tunnel(str(message.get_attr("IFLA_IFNAME")), message, self._name)
            for message in messages
            if _kind(message) == "ip6tnl"
        ]

    def rules(self) -> list[RouteRule]:
        """Return the IPv4 rules with our protocol number; raises KernelError."""
        return self._rules(ours=True)

    def rules_of_others(self) -> list[RouteRule]:
        """Return the IPv4 rules with another protocol number; raises KernelError."""
        return self._rules(ours=False)

    def _rules(self, *, ours: bool) -> list[RouteRule]:
        with refused("rules"):
            messages = tuple(self.ipr.get_rules(family=AF_INET))
        return [
            RouteRule(
                message.get_attr("FRA_PRIORITY") or 0,
                message.get_attr("FRA_TABLE") or message["table"],
                message.get_attr("FRA_SRC") or "",
                message.get_attr("FRA_FWMARK") or 0,
                message.get_attr("FRA_FWMASK") or 0,
                _suppressed(message.get_attr("FRA_SUPPRESS_PREFIXLEN")),
            )
            for message in messages
            if (message.get_attr("FRA_PROTOCOL") == RTPROT_DUALWAN) is ours
        ]

    # --- changing ------------------------------------------------------------------------

    def _index(self, name: str) -> int:
        message = self._link(name)
        if message is None:
            raise KernelError(f"the interface {name} does not exist")
        return int(message["index"])

    def set_address(self, address: Address) -> None:
        """Add a host address, or change its preferred lifetime; raises KernelError."""
        index = self._index(address.device)
        with refused(f"adding {address.text}"):
            if ":" in address.address:
                self._check_length(address, index)
                preferred = 0 if address.deprecated else FOREVER
                # pyroute2 0.7 reads only cacheinfo, 0.9 only the arguments; their order matters.
                self.ipr.addr(
                    "replace",
                    index=index,
                    address=address.address,
                    prefixlen=128,
                    family=AF_INET6,
                    flags=IFA_F_NODAD,
                    preferred=preferred,
                    valid=FOREVER,
                    cacheinfo={"preferred": preferred, "valid": FOREVER},
                )
            else:
                self.ipr.addr(
                    "replace", index=index, address=address.address, prefixlen=32, family=AF_INET
                )

    def _check_length(self, address: Address, index: int) -> None:
        """Raise KernelError if the device has the IPv6 address with another prefix length.

        The kernel would change that one, an address of others, instead of adding ours.
        """
        for message in self.ipr.get_addr(family=AF_INET6):
            length = message["prefixlen"]
            same = message.get_attr("IFA_ADDRESS") == address.address
            if same and message["index"] == index and length != IPV6_BITS:
                there = f"{address.address}/{length}"
                raise KernelError(
                    f"{there} is on {address.device} already, added by another program;"
                    f" give it the length {IPV6_BITS} there, or remove it"
                    f" (ip address del {there} dev {address.device})"
                )

    def remove_address(self, address: Address) -> None:
        """Remove a host address; no error if it is gone already."""
        message = self._link(address.device)
        if message is None:
            return
        v6 = ":" in address.address
        with gone_is_fine(f"removing {address.text}", errno.EADDRNOTAVAIL):
            self.ipr.addr(
                "del",
                index=message["index"],
                address=address.address,
                prefixlen=128 if v6 else 32,
                family=AF_INET6 if v6 else AF_INET,
            )

    def set_tunnel(self, tunnel: Tunnel) -> None:
        """Add the tunnel, or change all of it: the kernel zeroes what a change leaves out."""
        data = {
            "kind": "ip6tnl",
            "ip6tnl_link": self._index(tunnel.link),
            "ip6tnl_local": tunnel.local,
            "ip6tnl_remote": tunnel.remote,
            "ip6tnl_ttl": HOP_LIMIT,
            "ip6tnl_flags": IGNORE_ENCAP_LIMIT,
            "ip6tnl_proto": IPPROTO_IPIP,
        }
        message = self._link(tunnel.name)
        with refused(f"setting up {tunnel.text}"):
            if message is None:
                self.ipr.link("add", ifname=tunnel.name, **data)
                message = self._link(tunnel.name)
            else:
                self.ipr.link("set", index=message["index"], **data)
            if message is not None:
                self.ipr.link("set", index=message["index"], mtu=tunnel.mtu, state="up")

    def remove_link(self, name: str) -> None:
        """Remove a device; no error if it is gone already."""
        message = self._link(name)
        if message is not None:
            with gone_is_fine(f"removing {name}", errno.ENODEV):
                self.ipr.link("del", index=message["index"])

    def add_route(self, route: Route) -> None:
        """Add a default route before others of its metric; no error if it exists."""
        with gone_is_fine(f"adding {route.text}", errno.EEXIST):
            self.ipr.route((RTM_NEWROUTE, PREPEND), **self._route(route))

    def remove_route(self, route: Route) -> None:
        """Remove a route; no error if it is gone already."""
        if not route.device or self._link(route.device) is not None:
            with gone_is_fine(f"removing {route.text}", errno.ESRCH):
                self.ipr.route("del", **self._route(route))

    def _route(self, route: Route) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "dst": "default",
            "table": route.table,
            "family": AF_INET,
            "proto": RTPROT_DUALWAN,
            "type": UNREACHABLE,
        }
        if route.device:
            fields |= {"oif": self._index(route.device), "scope": SCOPE_LINK, "type": UNICAST}
        return fields | ({"priority": route.metric} if route.metric else {})

    def add_rule(self, rule: RouteRule) -> None:
        """Add a rule; no error if it exists."""
        with gone_is_fine(f"adding {rule.text}", errno.EEXIST):
            self.ipr.rule("add", **_rule(rule))

    def remove_rule(self, rule: RouteRule) -> None:
        """Remove a rule; no error if it is gone already."""
        with gone_is_fine(f"removing {rule.text}", errno.ENOENT):
            self.ipr.rule("del", **_rule(rule))


def _rule(rule: RouteRule) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "family": AF_INET,
        "priority": rule.priority,
        "table": rule.table,
        "protocol": RTPROT_DUALWAN,
        "action": TO_TABLE,
    }
    if rule.source:
        fields |= {"src": rule.source, "src_len": 32}
    if rule.mask:
        fields |= {"fwmark": rule.mark, "fwmask": rule.mask}
    if rule.suppress is not None:
        fields["suppress_prefixlen"] = rule.suppress
    return fields


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

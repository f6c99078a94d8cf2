"""Links, addresses, routes and rules changed by rtnetlink."""

from __future__ import annotations

import errno
from socket import AF_INET, AF_INET6
from typing import Any

from dualwan.errors import KernelError
from dualwan.host.netlink import IGNORE_ENCAP_LIMIT, IPV6_BITS, Netlink
from dualwan.host.rtnl import (
    CHANGE,
    CREATE,
    RTM_NEWROUTE,
    NetlinkError,
    dump,
    gone_is_fine,
    refused,
    understood,
)
from dualwan.model.resources import (
    NO_TABLE,
    RTPROT_DUALWAN,
    Address,
    Route,
    RouteRule,
    Tunnel,
)
from dualwan.words import say

IFA_F_NODAD = 0x02
IPPROTO_IPIP = 4
IPV4_BITS = 32
HOP_LIMIT = 64
FOREVER = 0xFFFFFFFF
SCOPE_LINK = 253
TO_TABLE, UNREACHABLE_RULE = 1, 7  # FR_ACT_TO_TBL, FR_ACT_UNREACHABLE
UNICAST, UNREACHABLE = 1, 7  # RTN_UNICAST, RTN_UNREACHABLE
# Without NLM_F_EXCL and NLM_F_APPEND the kernel puts the route before others of the same
# metric (fib_table_insert), so a default route that pppd has left does not go before ours.
PREPEND = CHANGE | CREATE


class NetlinkChanges(Netlink):
    """Resources read and changed by one rtnetlink socket. Each method raises KernelError."""

    def _index(self, name: str) -> int:
        message = self.link(name)
        if message is None:
            raise KernelError(say("the interface {name} does not exist", name=name))
        return int(message["index"])

    def set_address(self, address: Address) -> None:
        """Add a host address, or change its preferred lifetime; raises KernelError."""
        index = self._index(address.device)
        with refused(f"adding {address.text}"):
            if ":" in address.address:
                self._check_length(address, index)
                preferred = 0 if address.deprecated else FOREVER
                self.ipr.addr(
                    "replace",
                    index=index,
                    address=address.address,
                    prefixlen=128,
                    family=AF_INET6,
                    flags=IFA_F_NODAD,
                    cacheinfo={"ifa_preferred": preferred, "ifa_valid": FOREVER},
                )
            else:
                self.ipr.addr(
                    "replace", index=index, address=address.address, prefixlen=32, family=AF_INET
                )

    @understood("addresses")
    def _check_length(self, address: Address, index: int) -> None:
        """Raise KernelError if the device has the IPv6 address with another prefix length.

        The kernel would change that address, which is another program's, instead of adding ours.
        """
        for message in dump("addresses", lambda: self.ipr.get_addr(family=AF_INET6)):
            length = message["prefixlen"]
            same = message.get_attr("IFA_ADDRESS") == address.address
            if same and message["index"] == index and length != IPV6_BITS:
                there = f"{address.address}/{length}"
                raise KernelError(
                    say(
                        "{there} is on {device} already, added by another program; give it the "
                        "length {ipv6_bits} there, or remove it (ip address del {there} dev "
                        "{device})",
                        there=there,
                        device=address.device,
                        ipv6_bits=IPV6_BITS,
                    )
                )

    def remove_address(self, address: Address) -> None:
        """Remove a host address; no error if it is gone already."""
        message = self.link(address.device)
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
        message = self.link(tunnel.name)
        with refused(f"setting up {tunnel.text}"):
            try:
                if message is None:
                    self.ipr.link("add", ifname=tunnel.name, **data)
                    message = self.link(tunnel.name)
                else:
                    self.ipr.link("set", index=message["index"], **data)
            except NetlinkError as error:
                if error.code == errno.EEXIST:
                    self._check_ends(tunnel)
                if error.code == errno.EOPNOTSUPP and message is None:
                    raise KernelError(without_module(tunnel)) from None
                raise
            if message is not None:
                self.ipr.link("set", index=message["index"], mtu=tunnel.mtu, state="up")

    def _check_ends(self, tunnel: Tunnel) -> None:
        """Raise KernelError if another tunnel has the same ends, which the kernel refuses."""
        for other in self.all_tunnels():
            if other.name != tunnel.name and other.ends == tunnel.ends:
                raise KernelError(
                    say(
                        "{name} is a tunnel from {local} to {remote} already, and the kernel "
                        "allows no second one: stop what has made it, or remove it (ip -6 "
                        "tunnel del {name})",
                        name=other.name,
                        local=other.local,
                        remote=other.remote,
                    )
                )

    def remove_link(self, name: str) -> None:
        """Remove a device; no error if it is gone already."""
        message = self.link(name)
        if message is not None:
            with gone_is_fine(f"removing {name}", errno.ENODEV):
                self.ipr.link("del", index=message["index"])

    def add_route(self, route: Route) -> None:
        """Add a route before others of its metric; no error if it exists."""
        with gone_is_fine(f"adding {route.text}", errno.EEXIST):
            self.ipr.route((RTM_NEWROUTE, PREPEND), **self._route(route))

    def remove_route(self, route: Route) -> None:
        """Remove a route; no error if it is gone already."""
        if not route.device or self.link(route.device) is not None:
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
        if route.destination:
            address, _, length = route.destination.partition("/")
            fields |= {"dst": address, "dst_len": int(length)}
        return fields | ({"priority": route.metric} if route.metric else {})

    def add_rule(self, rule: RouteRule) -> None:
        """Add a rule; no error if it exists."""
        with gone_is_fine(f"adding {rule.text}", errno.EEXIST):
            self.ipr.rule("add", **_rule(rule))

    def remove_rule(self, rule: RouteRule) -> None:
        """Remove a rule; no error if it is gone already."""
        with gone_is_fine(f"removing {rule.text}", errno.ENOENT):
            self.ipr.rule("del", **_rule(rule))


def without_module(tunnel: Tunnel) -> str:
    """Return the error of a kernel that cannot load the tunnel's module, of which it says less."""
    return say(
        "setting up {tunnel}: the kernel has no ip6_tunnel: `modprobe ip6_tunnel` says why (for a "
        "container: on its host); after an upgrade of the kernel, reboot",
        tunnel=tunnel.text,
    )


def _rule(rule: RouteRule) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "family": AF_INET,
        "priority": rule.priority,
        "table": rule.table,
        "protocol": RTPROT_DUALWAN,
        "action": UNREACHABLE_RULE if rule.table == NO_TABLE else TO_TABLE,
    }
    if rule.source:
        address, _, length = rule.source.partition("/")
        fields |= {"src": address, "src_len": int(length or IPV4_BITS)}
    if rule.mask:
        fields |= {"fwmark": rule.mark, "fwmask": rule.mask}
    if rule.suppress is not None:
        fields["suppress_prefixlen"] = rule.suppress
    return fields

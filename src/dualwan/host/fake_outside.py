"""The state of a kernel in memory, and changes to it by devices, people and the line."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from dualwan.frozen import replace
from dualwan.model.observed import Link, Observed
from dualwan.model.resources import MAIN, Address
from dualwan.nft.table import NftTable

_Value = TypeVar("_Value")
# Sysctls that a new device has.
_OF_DEVICE = {
    "net/ipv6/conf/{}/accept_ra": "1",
    "net/ipv6/conf/{}/accept_ra_defrtr": "1",
    "net/ipv6/conf/{}/disable_ipv6": "0",
    "net/ipv4/conf/{}/rp_filter": "1",
}
_FORWARDING = "net/ipv6/conf/all/forwarding"
RA_ALWAYS, RA_IF_HOST = "2", "1"


class FakeOutside:
    """Holds what a kernel holds, and lets others change it.

    state: what it holds; a table of ours there is intact unless somebody changed it.
    uplink: the device by which the IPv6 default route of ``state`` leads.
    router_answers: whether a router behind it answers a solicitation.
    """

    uplink = "wan0"
    router_answers = True

    def __init__(self, state: Observed | None = None) -> None:
        self.state = state or Observed()
        self.lost_ipv6_default = False
        self._spares_default = False  # see set_sysctl
        self.generation = 1  # of the nft ruleset

    def plug(self, device: str, kind: str = "", *, up: bool = True) -> None:
        """Let a device appear, with the sysctls that a new device has."""
        index = 1 + max((link.index for link in self.state.links.values()), default=0)
        sysctls = {name.format(device): value for name, value in _OF_DEVICE.items()}
        self.state = replace(
            self.state,
            sysctls={**self.state.sysctls, **sysctls},
            links={**self.state.links, device: Link(index, up, kind)},
        )

    def unplug(self, device: str) -> None:
        """Let a device disappear with all that hangs on it."""
        self._lose_routes(device)
        gone = {name.format(device) for name in _OF_DEVICE}
        self.state = replace(
            self.state,
            links=_without(self.state.links, {device}),
            sysctls=_without(self.state.sysctls, gone),
            addresses=tuple(item for item in self.state.addresses if item.device != device),
            tunnels=tuple(item for item in self.state.tunnels if item.name != device),
        )

    def switch(self, device: str, *, up: bool) -> None:
        """Set the administrative state of a device.

        What is down has no routes, and no IPv6 addresses (addrconf_ifdown). Of what comes up
        the kernel asks for a router, where it would listen to one.
        """
        link = replace(self.state.links[device], up=up)
        self.state = replace(self.state, links={**self.state.links, device: link})
        if not up:
            self._lose_routes(device)
            kept = (
                item
                for item in self.state.addresses
                if item.device != device or ":" not in item.address
            )
            self.state = replace(self.state, addresses=tuple(kept))
        elif self.router_answers:
            self.advertise(device)

    def _lose_routes(self, device: str) -> None:
        self._lose_ipv4_routes(device)
        leads = self.state.ipv6_default and device != self.uplink
        self.state = replace(
            self.state,
            ipv6_default=leads,
            default_device=self.state.default_device.replace(device, ""),
        )

    def lose_address(self, address: Address) -> None:
        """Let an address go; a device's last IPv4 address takes its routes (fib_disable_ip)."""
        kept = tuple(item for item in self.state.addresses if item.key != address.key)
        was = {item.address for item in self.state.addresses if item.device == address.device}
        self.state = replace(self.state, addresses=kept)
        if {one for one in was if ":" not in one} == {address.address}:
            self._lose_ipv4_routes(address.device)

    def _lose_ipv4_routes(self, device: str) -> None:
        kept = tuple(item for item in self.state.routes if item.device != device)
        self.state = replace(self.state, routes=kept)

    def connect(self, address: str, device: str = "ppp0", kind: str = "ppp") -> None:
        """Let a PPP session come up with ``address``, on a new device."""
        self.unplug(device)
        self.plug(device, kind)
        self.state = replace(
            self.state, addresses=(*self.state.addresses, Address(device, address))
        )

    def take_default(self, device: str, *, replace_ours: bool = False) -> None:
        """Let another program put its default route first in main, as pppd does.

        ``replace_ours``: and remove the one that it finds there (replacedefaultroute).
        """
        kept = tuple(
            item
            for item in self.state.routes
            if not (replace_ours and (item.table, item.metric) == (MAIN, 0))
        )
        self.state = replace(self.state, routes=kept, default_device=device)

    def advertise(self, device: str) -> None:
        """Let a router advertise itself on ``device``: heard as accept_ra says (ip-sysctl)."""
        accept_ra = self.state.sysctls.get(f"net/ipv6/conf/{device}/accept_ra")
        listens = accept_ra == RA_ALWAYS or (
            accept_ra == RA_IF_HOST and self.state.sysctls.get(_FORWARDING) != "1"
        )
        if device == self.uplink and device in self.state.links:
            heard = self.state.links[device].up and listens
            if heard and not self.state.ipv6_default:
                self._spares_default = False
                self.state = replace(self.state, ipv6_default=True)

    def set_sysctl(self, name: str, value: str) -> None:
        """Set a sysctl.

        IPv6 forwarding costs the default routes that were learned where accept_ra is not 2
        (rt6_purge_dflt_routers), also where it was on before. The kernel looks for them once
        after each that it adds: one that is spared for its accept_ra then stays for good.
        """
        self.state = replace(self.state, sysctls={**self.state.sysctls, name: value})
        accept_ra = self.state.sysctls.get(f"net/ipv6/conf/{self.uplink}/accept_ra", RA_ALWAYS)
        if (name, value) == (_FORWARDING, "1") and not self._spares_default:
            self._spares_default = True
            if accept_ra != RA_ALWAYS:
                self.lost_ipv6_default = True
                self.state = replace(self.state, ipv6_default=False)

    def flush_ruleset(self) -> None:
        """Let somebody else run `nft flush ruleset`."""
        self._set_tables(())

    def edit_table(self, name: str) -> None:
        """Let somebody else change a table."""
        self._set_tables(
            replace(table, intact=table.intact and table.name != name)
            for table in self.state.tables or ()
        )

    def delete_table(self, name: str) -> None:
        """Let somebody else delete a table."""
        self._set_tables(table for table in self.state.tables or () if table.name != name)

    def _set_tables(self, tables: Iterable[NftTable]) -> None:
        self.generation += 1
        self.state = replace(self.state, tables=tuple(tables))


def _without(mapping: Mapping[str, _Value], names: Collection[str]) -> dict[str, _Value]:
    return {name: value for name, value in mapping.items() if name not in names}

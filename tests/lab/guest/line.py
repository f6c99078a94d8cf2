"""The whole line: the links between its machines, built before the network starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from guest import router
from guest.addresses import (
    BR,
    CE,
    CLIENT_ADDRESS,
    CONSOLE,
    FIXED_ADDRESS,
    FIXED_CE,
    INTERNET_HOST_V6,
    INTERNET_HOSTS,
    LAN,
    LAN_ADDRESS,
    LAN_PREFIX_LENGTH,
    MAPE_ADDRESS,
    NEIGHBOUR,
    OTHER_CE,
    OTHER_PORT_BLOCKS,
    OTHER_WAN_PREFIX,
    PORT_BLOCKS,
    PPPOE_HOST,
    SINK_NETWORK,
    WAN,
    WAN_PREFIX,
)
from guest.isp import DELEGATES, Isp
from guest.namespace import ROUTER, Namespace
from guest.relay import Relay


@dataclass(frozen=True)
class Line:
    """The router (the guest itself) and all that it's connected to."""

    router: Namespace = ROUTER
    client: Namespace = field(default_factory=lambda: Namespace("client"))
    internet: Namespace = field(default_factory=lambda: Namespace("inet"))
    isp: Isp = field(default_factory=lambda: Isp(Namespace("isp")))
    relay: Relay = field(default_factory=lambda: Relay(Namespace("br")))

    def build(self) -> None:
        """Make everything.

        The router's cables are made in its own namespace: systemd would see a device that is moved
        there as removed and added again, which no real device is. Whatever hotplug starts for them
        waits for network-pre.target, and so for the whole line.
        """
        access, relay = self.isp.space, self.relay.space
        ROUTER.ip(*(f"netns add {space.name}" for space in self._spaces()))
        for space in self._spaces():
            # No duplicate addresses are possible here, so no machine waits to detect them.
            space.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0)
            space.ip("link set dev lo up")
        for space in (access, relay, self.internet):
            space.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        ROUTER.ip(
            f"link add name {WAN} type veth peer name wan netns {access.name}",
            f"link add name {LAN} type veth peer name lan netns {self.client.name}",
        )
        access.ip(
            f"link add name br type veth peer name isp netns {relay.name}",
            f"link add name inet type veth peer name isp netns {self.internet.name}",
            f"address add {WAN_PREFIX}1/64 dev wan",
            "address add 2001:380:a120::1/64 dev br",
            "address add 192.0.2.1/30 dev inet",
            "address add 2001:db8:ff::1/64 dev inet",
            "link set dev wan up",
            "link set dev br up",
            "link set dev inet up",
            "route add default via 192.0.2.2",
            "route add default via 2001:db8:ff::2",
        )
        relay.ip(
            f"link add name inet type veth peer name br netns {self.internet.name}",
            f"address add {BR}/64 dev isp",
            "address add 192.0.2.5/30 dev inet",
            "link set dev isp up",
            "link set dev inet up",
            "route add default via 192.0.2.6",
            "route add default via 2001:380:a120::1",
        )
        self.internet.ip(
            "address add 192.0.2.2/30 dev isp",
            "address add 2001:db8:ff::2/64 dev isp",
            "address add 192.0.2.6/30 dev br",
            *(f"address add {host}/32 dev lo" for host in INTERNET_HOSTS),
            f"address add {INTERNET_HOST_V6}/128 dev lo",
            f"route add blackhole {SINK_NETWORK}",
            "link set dev isp up",
            "link set dev br up",
            "route add 203.0.113.0/24 via 192.0.2.1",
            f"route add {MAPE_ADDRESS} via 192.0.2.5",
            "route add default via 2001:db8:ff::1",
        )
        self.relay.build()
        self.client.ip(
            *(
                f"address add {host}/{LAN_PREFIX_LENGTH} dev lan"
                for host in (CLIENT_ADDRESS, CONSOLE, NEIGHBOUR, PPPOE_HOST)
            ),
            "link set dev lan up",
            f"route add default via {LAN_ADDRESS}",
        )
        self.isp.begin()
        self.isp.open_pppoe()
        router.write_first_settings()

    @contextmanager
    def other_softwire(self, end: str, *routed: str, seen_as: str) -> Iterator[None]:
        """Have the provider offer another softwire, seen in the internet as ``seen_as``."""
        with self.relay.other_softwire(end, *routed):
            self.internet.ip(f"route add {seen_as} via 192.0.2.5")
            try:
                yield
            finally:
                self.internet.ip(f"route del {seen_as} via 192.0.2.5")

    @contextmanager
    def fixed_address(self) -> Iterator[None]:
        """Have the provider offer FIXED_ADDRESS by IPIP."""
        with self.other_softwire(FIXED_CE, FIXED_ADDRESS, seen_as=FIXED_ADDRESS):
            yield

    def renumber(self, prefix: str, *, instead_of: str) -> None:
        """Announce ``prefix`` instead of the other one, and give the relay its CE and ports."""
        other = prefix == OTHER_WAN_PREFIX
        self.relay.serve(*((OTHER_CE, OTHER_PORT_BLOCKS) if other else (CE, PORT_BLOCKS)))
        if DELEGATES.exists():
            self.isp.delegate(prefix)
        else:
            self.isp.space.ip(f"route replace {prefix}/64 dev wan")
            self.isp.announce(prefix, instead_of=instead_of)

    def _spaces(self) -> tuple[Namespace, ...]:
        return (self.isp.space, self.relay.space, self.internet, self.client)

"""Sample packets of the router's work, as they meet the chains of other programs. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dualwan.config import Config, forwards
from dualwan.config.forwards import Forward
from dualwan.config.services import PING
from dualwan.config.ways import Vpn
from dualwan.nft.foreign.chain import Chain
from dualwan.nft.foreign.judge import Packet
from dualwan.words import say


class Probe(NamedTuple):
    """A packet that the router needs to pass. what: for a person. hooks: where it passes."""

    what: str
    hooks: tuple[str, ...]
    packet: Packet

    def at(self, chain: Chain) -> Packet | None:
        """Return the packet as ``chain`` sees it, None if it does not pass that chain."""
        hook, packet = chain.hook, self.packet
        if chain.family in ("ip", "ip6") and chain.family != packet.family:
            return None
        if chain.family == "netdev":
            device = packet.iif if hook == "ingress" else packet.oif
            hook = {"ingress": "prerouting", "egress": "postrouting"}.get(hook, hook)
            if device not in chain.devices:
                return None
            return packet if hook in self.hooks else None
        if hook not in self.hooks:
            return None
        return packet._replace(oif="") if hook == "prerouting" else packet


_CROSSING = ("prerouting", "forward", "postrouting")


def outbound(config: Config) -> list[Probe]:
    """Return packets of the LAN, by each way that it may use, and by IPv6.

    A VPN does not stand in, so the LAN uses it by a policy alone.
    """
    ways = [(config.mape.tunnel, "ip")]
    asked = {name for one in config.policies for name in (one.way, one.fallback)}
    if config.lan.via_pppoe:
        ways.append((config.pppoe.interface, "ip"))
    ways += [
        (device, "ip")
        for name, device in config.way_devices.items()
        if name in asked or (config.wan.failover and not isinstance(config.ways.get(name), Vpn))
    ]
    ways = list(dict.fromkeys(ways))
    if config.wan.interface not in config.lan.interfaces:
        ways.append((config.wan.interface, "ip6"))
    return [
        Probe(
            say("what {lan} sends by {device}", lan=lan, device=device),
            _CROSSING,
            Packet(_known(config, lan), device, family, protocol, "443"),
        )
        for device, family in ways
        for lan in config.lan.interfaces
        for protocol in ("tcp", "udp")
    ]


def _known(config: Config, lan: str) -> str:
    """Return ``lan``, or "" for a pattern, which stands for any of several devices."""
    return lan if lan in config.lan.devices else ""


def _back(config: Config) -> list[Probe]:
    """Return the answers to packets of the LAN."""
    return [
        Probe(
            say(
                "answers to {iif} by {oif}",
                iif=probe.packet.iif or say("the LAN"),
                oif=probe.packet.oif,
            ),
            _CROSSING,
            probe.packet._replace(
                iif=probe.packet.oif, oif=probe.packet.iif, dport="", state="established"
            ),
        )
        for probe in outbound(config)
    ]


def _forwarded(config: Config) -> list[Probe]:
    """Return packets from outside to a server of [[forward]], after their translation."""
    lan = _known(config, config.lan.interfaces[0]) if len(config.lan.interfaces) == 1 else ""
    return [
        Probe(
            say("what comes by {device} for {to}", device=device, to=one.to),
            ("forward", "postrouting"),
            Packet(
                device,
                lan,
                "ip6" if one.via == forwards.PINHOLE else "ip",
                one.protocol,
                str(one.to_port),
                destination="" if one.by_host_part else str(one.to),
                dnat="no" if one.via == forwards.PINHOLE else "yes",
            ),
        )
        for one, device in _with_devices(config)
    ]


def _with_devices(config: Config) -> list[tuple[Forward, str]]:
    """Return each forward with the device by which its connections come."""
    devices = {
        forwards.MAPE: config.mape.tunnel,
        **config.unshared,
        forwards.PINHOLE: config.wan.interface,
    }
    return [(one, devices[one.via]) for one in config.forwards]


def _own(config: Config) -> list[Probe]:
    """Return packets that the router itself has to receive and send."""
    wan = config.wan.interface
    tunnelled = Packet(family="ip6", protocol="ipip", state="established")
    return [
        Probe(
            say("what the tunnel receives by {wan}", wan=wan),
            ("input",),
            tunnelled._replace(iif=wan),
        ),
        Probe(
            say("what the tunnel sends by {wan}", wan=wan), ("output",), tunnelled._replace(oif=wan)
        ),
        Probe(
            say("router advertisements by {wan}", wan=wan),
            ("prerouting", "input"),
            Packet(wan, "", "ip6", "icmpv6", state="untracked"),
        ),
        *(
            Probe(
                say("{name} by {session}", name=offer.service.name, session=session),
                ("prerouting", "input"),
                Packet(session, "", "ip", port.protocol, str(port.number)),
            )
            for name, session in config.unshared.items()
            for offer in config.firewall.inbound
            if not offer.sources and offer.is_open_on(name)
            for port in offer.service.ports
            if port != PING
        ),
    ]


def every(config: Config) -> list[Probe]:
    """Return all of these packets, but those of [[forward]] after their translation only."""
    return [*outbound(config), *_back(config), *_forwarded(config), *_own(config)]


def forwarded_ports(config: Config) -> list[Probe]:
    """Return packets from outside for a [[forward]], before their translation."""
    return [
        Probe(
            say(
                "{protocol} port {port} by {device}",
                protocol=one.protocol,
                port=one.port,
                device=device,
            ),
            ("prerouting",),
            Packet(device, "", "ip", one.protocol, str(one.port)),
        )
        for one, device in _with_devices(config)
        if one.via != forwards.PINHOLE
    ]


def ipv4(config: Config) -> list[Probe]:
    """Return the IPv4 packets of the LAN, and the answers to them."""
    return [one for one in (*outbound(config), *_back(config)) if one.packet.family == "ip"]

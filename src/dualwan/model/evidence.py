"""The evidence for a diagnosis: what to ask of the line, and what was seen. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dualwan.frozen import NamedTuple, dataclass, field


class Probe(NamedTuple):
    """An IPv4 packet to be sent through the tunnel, with "don't fragment".

    number: its place in the inquiry. target: IPv4 address. port: source and destination of UDP,
    or the identifier of an ICMP echo request (``echo``). size: bytes with the IPv4 header.
    hops: time to live; with 1 it ends at the border relay.
    """

    number: int
    target: str
    port: int
    size: int
    hops: int = 64
    echo: bool = False


class AskedWay(NamedTuple):
    """A further way. device: to ping by, "" for not at all; peer: see Inquiry."""

    name: str
    device: str = ""
    peer: str = ""


class OfWay(NamedTuple):
    """The evidence of a further way.

    asked: whether it was pinged by. host: the target that answered; hop: the router that reported
    the end of a ping with a hop limit of one; "" for none. dialling, peer_there: see Evidence.
    """

    asked: bool = False
    host: str = ""
    hop: str = ""
    dialling: bool = False
    peer_there: bool = True


@dataclass(frozen=True)
class Inquiry:
    """What to observe, and what to ask of the line.

    wan, tunnel, ppp: devices. lan: those of the LAN and of the zones.
    prefix_source: the device with the line's prefix.
    ce, br, ipv4: of the softwire, "" while it is unknown. probes: for the tunnel.
    targets: IPv4 hosts that the configuration lets us ping. peer: in /etc/ppp/peers, "" for none.
    discover: whether to send a PPPoE discovery. ways: the further ones. seconds: for all of it.
    """

    wan: str
    tunnel: str = ""
    ppp: str = ""
    lan: tuple[str, ...] = ()
    prefix_source: str = ""
    ce: str = ""
    br: str = ""
    ipv4: str = ""
    probes: tuple[Probe, ...] = ()
    targets: tuple[str, ...] = ()
    peer: str = ""
    discover: bool = False
    ways: tuple[AskedWay, ...] = ()
    seconds: float = 5.0


class DeviceAddress(NamedTuple):
    """An address of a device. unusable: "" or the reason: "tentative", "dadfailed"."""

    address: str
    length: int
    unusable: str = ""


@dataclass(frozen=True)
class Device:
    """A network device. sent, received: packets since it was made; those of ``Evidence`` later."""

    up: bool = True
    carrier: bool = True
    addresses: tuple[DeviceAddress, ...] = ()
    sent: int = 0
    received: int = 0


class Advertisement(NamedTuple):
    """A router advertisement (RFC 4861 section 4.2). lifetime: of the default route, seconds."""

    router: str
    lifetime: int
    prefixes: tuple[str, ...] = ()


class PathError(NamedTuple):
    """An ICMPv6 error about a packet to the border relay (RFC 4443). mtu: of "too big"."""

    source: str
    kind: int
    code: int
    mtu: int = 0


@dataclass(frozen=True)
class Heard:
    """What came by the WAN during the inquiry.

    solicited: how often others solicited an IPv6 address (neighbour solicitations), by address.
    answered: how often this machine answered for it. claimed: link addresses of others that
    answered for the CE.
    relay: whether the border relay answered a ping. errors: about packets to it.
    returned: numbers of the probes that came back whole, or were answered. stopped: by number of a
    probe, the sender of an ICMP error about it. offers: names of PPPoE access concentrators.
    unsent: what this machine refused to send, and why.
    """

    advertisements: tuple[Advertisement, ...] = ()
    solicited: Mapping[str, int] = field(default_factory=dict)
    answered: Mapping[str, int] = field(default_factory=dict)
    claimed: tuple[str, ...] = ()
    relay: bool = False
    errors: tuple[PathError, ...] = ()
    returned: frozenset[int] = frozenset()
    stopped: Mapping[int, str] = field(default_factory=dict)
    offers: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What was seen.

    devices: those that exist, at the start. came, went: packets of the tunnel during the inquiry.
    prefixes: of the line. heard: None if the WAN could not be listened to; unheard: why.
    answers: whether one of the targets answered a ping through the tunnel; None: not asked.
    ppp_log: the last lines of pppd's log; None if they could not be read. dialling: whether a
    pppd of the peer runs. peer_there: whether its file exists. hooks_missing: paths, each with
    what is wrong. ways: the further ones, by name.
    """

    devices: Mapping[str, Device] = field(default_factory=dict)
    came: int = 0
    went: int = 0
    prefixes: tuple[str, ...] = ()
    heard: Heard | None = None
    unheard: str = ""
    answers: bool | None = None
    ppp_log: tuple[str, ...] | None = ()
    dialling: bool = False
    peer_there: bool = True
    hooks_missing: tuple[str, ...] = ()
    ways: Mapping[str, OfWay] = field(default_factory=dict)

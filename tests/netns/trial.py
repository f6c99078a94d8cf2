"""One row of the policy matrix as packets, and what becomes of them."""

from dataclasses import replace

from field import DMZ, HOST, OF_DMZ, OF_SERVER, PUBLIC, ZONES
from line import CLIENT, PPPOE, ROUTER, SERVERS, SHARED
from packets import ERRORS, FLAGS, TYPES, Packet, read

CLIENT_PORT, TAG, OPENER, TRIES = 40000, 100, 20000, 40000
GUARDED = 5  # connections that the guard lets in
BAD_FLAGS = {
    "all-flags": 0x3F,
    "no-flags": 0,
    "xmas": FLAGS["fin"] | FLAGS["psh"] | FLAGS["urg"],
    "syn-fin": FLAGS["syn"] | FLAGS["fin"],
    "syn-rst": FLAGS["syn"] | FLAGS["rst"],
    "ack": FLAGS["ack"],
    "fin": FLAGS["fin"],
    "rst": FLAGS["rst"],
    "syn-ack": FLAGS["syn"] | FLAGS["ack"],
}
SPOOFED = {
    "of-lan": ("192.168.1.77", "2001:db8:1::77"),
    "bogon": ("10.9.9.9", "fd00::9"),
    "shared-space": ("100.64.9.9", ""),
    "loopback": ("127.0.0.9", "::1"),
    "global": ("", "2001:db8:2::1"),
    "of-guest": ("10.0.0.77", "2001:db8:5::77"),
    "of-dmz": ("10.0.1.77", "2001:db8:6::77"),
    "of-block": ("203.0.113.133", ""),
    "of-server": (OF_SERVER, ""),
}
FOLLOWING = ("answer", "answer-fragments", "related")  # states that need a flow
NDP = range(133, 138)
NAMES = {
    SHARED: "shared",
    PPPOE: "pppoe",
    CLIENT: "lan",
    HOST: "server",
    DMZ: "dmz",
    PUBLIC: "public",
    OF_SERVER: "block",
    OF_DMZ: "block-dmz",
    ROUTER: "router",
    "2001:db8:1::10": "lan",
    "2001:db8:1::20": "server",
}
TO_ALL = {
    ("icmpv6", "router-advert"): "ff02::1",
    ("icmpv6", "mld-query"): "ff02::1",
    ("udp", "546:547"): "ff02::1:2",
}


def between(source, target, family):
    """Return the addresses that a packet from the zone SOURCE to TARGET has.

    A TARGET "server@pppoe" is addressed to the router's address in the zone after the @.
    """
    at = 1 if family == "ip6" else 0
    where, _, public = target.partition("@")
    if source == "router":
        return ZONES[where].router[at], ZONES[where].own[at]
    sender = ZONES[source].own[at]
    if public:
        return sender, ZONES[public].router[at]
    return sender, (ZONES[source].router[at] if where == "router" else ZONES[where].own[at])


class Trial:
    """One row as packets."""

    def __init__(self, at, row):
        self.at, self.row = at, row
        self.whence, self.where = (zone.partition("@")[0] for zone in (row.source, row.target))
        self.flow = None  # the packet that opened the flow, as it was seen where it went
        self.opener = self.sent = None

    def _first(self, source, target, protocol="", service=""):
        """Return the first packet of a flow from SOURCE to TARGET."""
        row = self.row
        protocol, service = protocol or row.protocol, service or row.port
        own, other = between(source, target, row.family)
        packet = Packet(own, other, protocol, sport=CLIENT_PORT + self.at, tag=TAG + self.at)
        if protocol in ("tcp", "udp"):
            sport, _, dport = service.rpartition(":")
            return replace(packet, sport=int(sport or packet.sport), dport=int(dport))
        if protocol not in TYPES:  # one flow an address
            other_one = ZONES[source].others[row.family == "ip6"] if source in ZONES else ""
            return replace(packet, source=other_one or own)
        kind = TYPES[protocol][service]
        hop = 255 if protocol == "icmpv6" and kind[0] in NDP else 64
        return replace(packet, kind=service, hop=hop)

    def openers(self):
        """Yield what must have been before the packet that the row is about, and from where."""
        row = self.row
        if row.state in FOLLOWING:
            about = (
                ("udp", "53")
                if row.state == "related"
                else (row.protocol, row.port.replace("echo-reply", "echo-request"))
            )
            first = self._first(self.where, row.source, *about)
            self.opener = replace(first, tag=OPENER + self.at)
            yield self.where, self.opener
        elif row.state == "too-many":
            first = replace(self._first(self.whence, row.target), source=self._attacker())
            for turn in range(1, GUARDED + 1):
                yield (
                    self.whence,
                    replace(
                        first, sport=first.sport - turn * 1000, tag=TRIES + turn * 1000 + self.at
                    ),
                )

    def _attacker(self):
        return "2001:db8:3:1::66" if self.row.family == "ip6" else SERVERS[5]

    def follow(self, opened):
        """Take the flow from what was OPENED."""
        if self.opener and self.whence == "router":
            self.flow = self.opener
        elif self.opener:
            zone = ZONES[self.whence]
            self.flow = opened.get(((zone.space, zone.device), self.opener.tag))

    def packets(self):
        """Yield the packets that the row is about, with their bytes, and from where."""
        row = self.row
        if row.state in FOLLOWING:
            if self.flow is None:
                return
            self.sent = self._following()
            if self.whence == "router" and row.protocol == "tcp":
                return  # its server answers by itself
        else:
            self.sent = self._unasked()
        datas = [self.sent.build()]
        if row.state == "answer-fragments":
            datas = self.sent.fragments()
        elif row.state == "fragment":
            datas = [replace(self.sent, offset=100).build(b"x" * 64)]
        for data in datas:
            yield self.whence, self.sent, data

    def _following(self):
        flow, row = self.flow, self.row
        back = replace(
            flow,
            source=flow.target,
            target=flow.source,
            sport=flow.dport,
            dport=flow.sport,
            tag=TAG + self.at,
            hop=64,
            flags=FLAGS["syn"] | FLAGS["ack"],
            quote=b"",
            mss=1460,
        )
        if row.state == "related":
            return replace(
                back,
                protocol=row.protocol,
                kind=row.port,
                quote=replace(flow, payload=b"x" * 24).build(),
            )
        if row.protocol in TYPES:
            return replace(back, kind="echo-reply")
        return back

    def _unasked(self):
        row = self.row
        packet = self._first(self.whence, row.target)
        if row.state in SPOOFED:
            packet = replace(packet, source=SPOOFED[row.state][row.family == "ip6"])
        elif row.state == "too-many":
            packet = replace(packet, source=self._attacker())
        packet = replace(
            packet,
            flags=BAD_FLAGS.get(row.state, packet.flags),
            hop=64 if row.state == "far" else packet.hop,
            target=TO_ALL.get((row.protocol, row.port), packet.target),
        )
        if TYPES.get(row.protocol, {}).get(row.port, (None,))[0] in ERRORS.get(row.protocol, ()):
            about = Packet(packet.target, packet.source, "udp", 54321, 53)
            return replace(packet, quote=about.build())
        return packet

    # --- what became of it --------------------------------------------------------------------

    def verdict(self, found, witnessed, ports):
        """Return result and translation, as the matrix writes them."""
        if self.sent is None:
            return "no-flow", "-"
        arrived = {
            key: packet
            for key, packets in found.items()
            for packet in reversed(packets)
            if self._is_it(packet)
        }
        aim = (
            None if self.where == "router" else (ZONES[self.where].space, ZONES[self.where].device)
        )
        if stray := set(arrived) - {aim}:
            return "astray", ",".join(device for _, device in sorted(stray))
        if aim is None and self.sent.tag in witnessed:
            return "accept", "-"
        if aim in arrived:
            return "accept", self._changes(arrived[aim], ports)
        return self._refusal(found)

    def _is_it(self, packet):
        if self.whence == "router" and self.row.state == "answer" and (self.row.protocol == "tcp"):
            return (packet.sport, packet.dport, packet.flags & ~FLAGS["syn"]) == (
                self.sent.sport,
                self.sent.dport,
                FLAGS["ack"],
            )
        # The kernel's own packets have numbers of its choice, and one may be ours. Of IPv6 nothing
        # is translated, and each row has a port of its own; a later fragment has none.
        alike = (packet.v6, packet.protocol) == (self.sent.v6, self.sent.protocol)
        if packet.v6 and packet.protocol in ("tcp", "udp") and not packet.offset:
            alike &= (packet.sport, packet.dport) == (self.sent.sport, self.sent.dport)
        same_kind = packet.kind in {"", self.sent.kind}
        same_quote = bool(packet.quote) == bool(self.sent.quote)
        return packet.tag == self.sent.tag and alike and same_kind and same_quote

    def _refusal(self, found):
        """Return what the sender is told."""
        if self.whence == "router":
            return "drop", "-"
        zone = ZONES[self.whence]
        for packet in found[zone.space, zone.device]:
            if (
                packet.protocol == "tcp"
                and packet.flags & FLAGS["rst"]
                and (packet.source, packet.sport, packet.dport)
                == (self.sent.target, self.sent.dport, self.sent.sport)
            ):
                return "reset", "-"
            if packet.quote and (about := read(packet.quote)) and about.tag == self.sent.tag:
                return "error", packet.kind
        return "drop", "-"

    def _changes(self, packet, ports):
        """Return how PACKET differs from the one that was sent."""
        if self.opener:
            ends = (packet.source, packet.sport, packet.target, packet.dport)
            expected = (
                self.opener.target,
                self.opener.dport,
                self.opener.source,
                self.opener.sport,
            )
            if self.row.state == "related" or packet.protocol not in ("tcp", "udp"):
                ends, expected = ends[2:3], expected[2:3]
            return "back" if ends == expected else f"to={packet.target}:{packet.dport}"
        changes = []
        if packet.source != self.sent.source or packet.source == SHARED:
            name = NAMES.get(packet.source, packet.source)
            outside = name == "shared" and packet.sport not in ports
            changes.append(f"src={name}" + (f":{packet.sport}!" if outside else ""))
        if packet.target != self.sent.target:
            name = NAMES.get(packet.target, packet.target)
            other_port = self.sent.dport and packet.dport != self.sent.dport  # ICMP has none
            changes.append(f"dst={name}" + (f":{packet.dport}" if other_port else ""))
        if self.sent.protocol == "tcp" and packet.mss not in (0, self.sent.mss):
            changes.append(f"mss={packet.mss}")
        return ",".join(changes) or "-"

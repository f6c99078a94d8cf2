"""A kernel that speaks rtnetlink: messages byte for byte, and a socket that notes requests.

Numbers are those of linux/rtnetlink.h, if_addr.h, if_link.h, if_tunnel.h and fib_rules.h, not
pyroute2's names for them, so that what is read here is what a kernel sends.
"""

import errno
import struct
from ipaddress import ip_address
from socket import AF_INET, AF_INET6
from types import SimpleNamespace

from dualwan.host.netlink_changes import NetlinkChanges
from dualwan.host.rtnl import NetlinkError
from dualwan.host.rtnl_message import Message

RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWRULE = 16, 20, 24, 32
FOREVER = 0xFFFFFFFF
TEMPORARY, DEPRECATED, TENTATIVE, PERMANENT = 0x01, 0x20, 0x40, 0x80  # IFA_F_
NO_ENCAP_LIMIT, USE_ORIGINAL_CLASS = 0x1, 0x2  # IP6_TNL_F_


def attribute(kind, data):
    """Return one attribute: length, number and data, padded to four bytes."""
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + bytes(-length % 4)


def number(kind, value):
    """Return an attribute that holds 32 bits."""
    return attribute(kind, struct.pack("=I", value))


def message(kind, head, *attributes):
    """Return what is read of a message of the kernel; its bytes are in ``data``."""
    body = head + b"".join(attributes)
    made = Message(kind, body)
    made.data = struct.pack("=IHHII", 16 + len(body), kind, 0, 1, 0) + body
    return made


def filled(usual, words):
    """Return the values ``usual``, those of ``words`` in their place."""
    assert set(words) <= set(usual), words
    return SimpleNamespace(**{**usual, **words})


def link(name, index, **words):
    """Return a RTM_NEWLINK; with ``kind`` one of a device that software makes."""
    one = filled({"up": True, "mtu": 1500, "kind": "", "data": b""}, words)
    info = attribute(1, one.kind.encode()) + (attribute(2, one.data) if one.data else b"")
    return message(
        RTM_NEWLINK,
        struct.pack("=BBHiII", 0, 0, 1, index, one.up, 0),
        attribute(3, name.encode() + b"\0"),
        number(4, one.mtu),
        *([attribute(18, info)] if one.kind else []),
    )


def ip6tnl(name, index, **words):
    """Return a RTM_NEWLINK of a tunnel through IPv6; ``flags`` None leaves them out."""
    one = filled(
        {
            "local": "::1",
            "remote": "::2",
            "parent": 2,
            "flags": NO_ENCAP_LIMIT,
            "up": True,
            "mtu": 1460,
        },
        words,
    )
    data = b"".join(
        [
            *([number(1, one.parent)] if one.parent else []),
            attribute(2, ip_address(one.local).packed),
            attribute(3, ip_address(one.remote).packed),
            attribute(4, bytes([64])),
            *([] if one.flags is None else [number(8, one.flags)]),
            attribute(9, bytes([4])),
        ]
    )
    return link(name, index, kind="ip6tnl", data=data, up=one.up, mtu=one.mtu)


def address(text, index, length, **words):
    """Return a RTM_NEWADDR; ``peer``: of a point-to-point device; ``by``: its IFA_PROTO."""
    one = filled(
        {"flags": PERMANENT, "scope": 0, "preferred": FOREVER, "peer": "", "wide": True, "by": 0},
        words,
    )
    own = ip_address(text)
    family = AF_INET if own.version == 4 else AF_INET6
    local = [attribute(2, own.packed)] if own.version == 4 or one.peer else []
    return message(
        RTM_NEWADDR,
        struct.pack("=BBBBI", family, length, one.flags & 0xFF, one.scope, index),
        attribute(1, ip_address(one.peer or text).packed),
        *local,
        attribute(6, struct.pack("=4I", one.preferred, FOREVER, 0, 0)),
        *([number(8, one.flags)] if one.wide else []),
        *([attribute(11, bytes([one.by]))] if one.by else []),
    )


def route(family=AF_INET, **words):
    """Return a RTM_NEWROUTE; a default route unless ``length`` says otherwise.

    ``hops``: pairs of a device's index and a gateway, of a route with several next hops.
    """
    named = {"protocol": 217, "table": 254, "length": 0, "kind": 1, "oif": 0, "metric": 0}
    one = filled(named | {"gateway": "", "hops": (), "to": ""}, words)
    several = b"".join(
        struct.pack("=HBBi", 8 + len(packed), 0, 0, oif) + packed
        for oif, gateway in one.hops
        for packed in [attribute(5, ip_address(gateway).packed)]
    )
    to = ip_address(one.to).packed if one.to else bytes(4 if family == AF_INET else 16)
    return message(
        RTM_NEWROUTE,
        struct.pack(
            "=BBBBBBBBI", family, one.length, 0, 0, short(one.table), one.protocol, 0, one.kind, 0
        ),
        number(15, one.table),
        *([attribute(1, to)] if one.length else []),
        *([number(6, one.metric)] if one.metric else []),
        *([number(4, one.oif)] if one.oif else []),
        *([attribute(5, ip_address(one.gateway).packed)] if one.gateway else []),
        *([attribute(9, several)] if several else []),
    )


def rule(priority, table, **words):
    """Return a RTM_NEWRULE for IPv4; ``protocol`` None is a kernel's that does not say it."""
    one = filled(
        {"protocol": 217, "source": "", "length": 32, "mark": 0, "mask": 0, "suppress": 0xFFFFFFFF},
        words,
    )
    return message(
        RTM_NEWRULE,
        struct.pack(
            "=BBBBBBBBI", AF_INET, 0, one.length if one.source else 0, 0, short(table), 0, 0, 1, 0
        ),
        number(15, table),
        *([attribute(2, ip_address(one.source).packed)] if one.source else []),
        *([number(6, priority)] if priority else []),
        *([number(10, one.mark), number(16, one.mask)] if one.mask else []),
        number(14, one.suppress),
        *([attribute(21, bytes([one.protocol]))] if one.protocol is not None else []),
    )


def short(table):
    """Return what the header's eight bits say of a routing table: RT_TABLE_COMPAT if too large."""
    return table if table < 256 else 252


class Kernel:
    """What IPRoute is to this program: lists of messages, and requests that are noted.

    refuse: the error number that a request ends with, by its words, such as ("route", "del").
    """

    def __init__(self, *messages):
        self.messages = list(messages)
        self.asked = []
        self.refuse = {}
        self.closed = False

    def _of(self, kind, family=None):
        return [
            one for one in self.messages if one.kind == kind and family in (None, one["family"])
        ]

    def _request(self, what, verb, words):
        self.asked.append((what, verb, words))
        if code := self.refuse.get((what, verb)):
            raise NetlinkError(code)

    # --- looking -------------------------------------------------------------------------

    def get_links(self, index=None):
        """Return the device ``index``, or all; as the kernel, refuse one that is gone."""
        found = [one for one in self._of(RTM_NEWLINK) if index in (None, one["index"])]
        if not found:
            raise NetlinkError(errno.ENODEV)
        return found

    def link_lookup(self, ifname):
        """Return the index of the device ``ifname``, in a list."""
        return [
            one["index"] for one in self._of(RTM_NEWLINK) if one.get_attr("IFLA_IFNAME") == ifname
        ]

    def get_addr(self, family):
        """Return the addresses of ``family``."""
        return self._of(RTM_NEWADDR, family)

    def get_routes(self, family, proto=0):
        """Return the routes of ``family``; a kernel may filter them by ``proto``, or not."""
        assert proto in {0, 217}
        self._request("route", "dump", {})
        return self._of(RTM_NEWROUTE, family)

    def get_rules(self, family, holding=b""):
        """Return the rules of ``family``; all of them, as bytes can be there by chance."""
        assert isinstance(holding, bytes)
        self._request("rule", "dump", {})
        return self._of(RTM_NEWRULE, family)

    # --- changing ------------------------------------------------------------------------

    def link(self, verb, **words):
        """Answer a "get", note anything else; a device that is added is there afterwards."""
        if verb != "get":
            self._request("link", verb, words)
            if verb == "add":
                self.messages.append(link(words["ifname"], 99, up=False))
            return []
        if code := self.refuse.get(("link", verb)):
            raise NetlinkError(code)
        found = self.link_lookup(words["ifname"])
        if not found:
            raise NetlinkError(errno.ENODEV)
        return self.get_links(found[0])

    def addr(self, verb, **words):
        """Note a request about an address."""
        self._request("addr", verb, words)

    def route(self, verb, **words):
        """Note a request about a route."""
        self._request("route", verb, words)

    def rule(self, verb, **words):
        """Note a request about a rule."""
        self._request("rule", verb, words)

    def close(self):
        """Note that it is closed."""
        self.closed = True


def netlink(*messages):
    """Return a NetlinkChanges whose socket is a Kernel with wan0, ppp0 and ``messages``."""
    made = NetlinkChanges()
    made._socket = Kernel(link("wan0", 2), link("ppp0", 7), *messages)  # noqa: SLF001 - for IPRoute
    return made

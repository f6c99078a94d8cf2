"""The rtnetlink socket: what is sent, how answers are told apart, and what is loaded for it."""

import errno
import platform
import socket
import struct
import subprocess
import sys
from socket import AF_INET, AF_INET6

import pytest
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg
from rtnetlink import link, route

from dualwan.host import rtnl
from dualwan.host.rtnl import IPRoute, NetlinkDumpInterrupted, NetlinkError

READERS = {16: ifinfmsg, 20: ifaddrmsg, 24: rtmsg, 32: fibmsg}
REQUEST, ACK, EXCL, REPLACE, CREATE, DUMP = 0x1, 0x4, 0x200, 0x100, 0x400, 0x300
CE, BR = "2001:db8:0:100:99:f000:0:100", "2001:db8:ffff::9"
DONE, FINE = (3, bytes(4)), (2, bytes(20))  # the end of a list, and a confirmation


def refusal(code):
    """Return an error by its number."""
    return (2, struct.pack("=i", -code) + bytes(16))


class Kernel:
    """A netlink socket; ``answers``: what each recv() has, pairs of a type and a body.

    A third member is the flags of a message, a fourth how far its sequence number is off.
    """

    def __init__(self, *answers):
        self.answers, self.sent, self.closed, self.groups = list(answers), [], False, None

    def __call__(self, *kind):
        """Open one, as socket.socket does."""
        assert kind == (socket.AF_NETLINK, socket.SOCK_RAW, 0)
        return self

    def settimeout(self, seconds):
        """Take the limit of a wait."""
        assert 0 < seconds < 60

    def setsockopt(self, *option):
        """Refuse to filter, as an old kernel."""
        assert option == (270, 12, 1)
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    def bind(self, address):
        """Take the groups that are listened to."""
        self.groups = address

    def fileno(self):
        """Return a number."""
        return 77

    def send(self, data):
        """Take a request."""
        self.sent.append(bytes(data))

    def recv(self, _size):
        """Return the next answer."""
        return b"".join(self._message(*one) for one in self.answers.pop(0))

    def _message(self, kind, body, flags=2, off=0):
        sequence = struct.unpack_from("=I", self.sent[-1], 8)[0] if self.sent else 0
        head = struct.pack("=IHHII", 16 + len(body), kind, flags, sequence + off, 0)
        return head + body + bytes(-len(body) % 4)

    def close(self):
        """Note that it is closed."""
        self.closed = True


@pytest.fixture(name="asking")
def _asking(monkeypatch):
    """Return a function that opens a socket to a kernel with these answers."""

    def ask(*answers):
        kernel = Kernel(*answers)
        monkeypatch.setattr(rtnl.socket, "socket", kernel)
        return IPRoute(), kernel

    return ask


def read(request):
    """Return what pyroute2 makes of a request, with type and flags."""
    length, kind, flags = struct.unpack_from("=IHH", request)
    assert length == len(request)
    made = READERS[kind // 4 * 4](request)
    made.decode()
    return kind, flags, made


BODIES = [link("wan0", 2).data[16:], link("ppp0", 7).data[16:]]


# --- answers -----------------------------------------------------------------------------


def test_a_list_is_read_to_its_end(asking):
    """However many parts the kernel makes of it."""
    ipr, kernel = asking([(16, BODIES[0])], [(16, BODIES[1]), DONE])
    assert [one["index"] for one in ipr.get_links()] == [2, 7]
    assert struct.unpack_from("=HH", kernel.sent[0], 4) == (18, REQUEST | DUMP)


def test_one_device_is_one_answer(asking):
    """No end comes after it, and none is waited for."""
    ipr, _ = asking([(16, BODIES[1], 0)], [(16, BODIES[1], 0)], [(16, BODIES[1], 0)])
    assert ipr.get_links(7)[0].get_attr("IFLA_IFNAME") == "ppp0"
    assert ipr.link("get", ifname="ppp0")[0]["index"] == 7
    assert ipr.link_lookup("ppp0") == [7]


@pytest.mark.parametrize("answer", [[refusal(errno.ENODEV)], [(16, BODIES[0]), refusal(19)]])
def test_a_refusal_is_an_error_with_its_number(asking, answer):
    """At once, or in the middle of a list."""
    ipr, _ = asking(answer)
    with pytest.raises(NetlinkError, match="No such device") as caught:
        ipr.get_links()
    assert caught.value.code == errno.ENODEV


def test_a_list_that_ends_with_an_error_is_not_taken_for_whole(asking):
    """The kernel puts its error into the message that ends the list (netlink_dump)."""
    ipr, _ = asking([(16, BODIES[0]), (3, struct.pack("=i", -errno.ENOMEM))])
    with pytest.raises(NetlinkError, match="Cannot allocate memory"):
        ipr.get_links()


@pytest.mark.parametrize(
    "parts",
    [
        [[(16, BODIES[0], 2 | 0x10)], [(16, BODIES[1]), DONE]],
        [[(16, BODIES[0])], [(3, bytes(4), 2 | 0x10)]],
    ],
)
def test_a_list_that_a_change_interrupts_is_none(asking, parts):
    """One message with NLM_F_DUMP_INTR is enough; all of it is read, so that the next is whole."""
    ipr, kernel = asking(*parts, [(16, BODIES[0]), DONE])
    with pytest.raises(NetlinkDumpInterrupted):
        ipr.get_links()
    assert len(ipr.get_links()) == 1
    assert kernel.answers == []


def test_an_answer_to_an_earlier_question_is_left_out(asking):
    """A signal has ended it, such as the deadline of a hook."""
    ipr, _ = asking([(16, BODIES[0], 2, -1), (3, bytes(4), 2, -1)], [(16, BODIES[1]), DONE])
    assert [one["index"] for one in ipr.get_links()] == [7]


def test_a_message_of_another_kind_is_left_out(asking):
    """One that a later kernel may put between."""
    ipr, _ = asking([(99, bytes(8)), (16, BODIES[0]), DONE])
    assert len(ipr.get_links()) == 1


def test_a_device_that_is_not_there_has_no_index(asking):
    """Nor has one that cannot be looked at."""
    assert asking([refusal(errno.ENODEV)])[0].link_lookup("ppp9") == []


def test_news_is_taken_and_not_read(asking):
    """What it says is asked for then."""
    ipr, kernel = asking([(20, bytes(8))])
    with ipr as news:
        news.bind(groups=rtnl.RTMGRP_IPV6_IFADDR)
        news.get()
        assert news.fileno() == 77
    assert kernel.groups == (0, 0x100)
    assert (kernel.answers, kernel.closed) == ([], True)


def test_the_kernel_is_asked_for_routes_of_one_protocol(asking):
    """One that filters sends those alone; one that does not sends all."""
    ipr, kernel = asking([(24, route().data[16:]), DONE], [DONE], [DONE])
    assert len(ipr.get_routes(AF_INET, 217)) == 1
    ipr.get_routes(AF_INET6)
    ipr.get_rules(AF_INET)
    heads = [request[16:] for request in kernel.sent]
    assert heads == [
        bytes([AF_INET, 0, 0, 0, 0, 217, 0, 0, 0, 0, 0, 0]),
        bytes([AF_INET6, *[0] * 11]),
        bytes([AF_INET, *[0] * 11]),
    ]


@pytest.mark.parametrize(
    ("address", "family", "length"), [("192.0.2.9", AF_INET, 32), ("2001:db8::9", AF_INET6, 128)]
)
def test_the_route_to_an_address_is_asked_for(asking, address, family, length):
    """With the whole of the address, as a kernel that checks it wants."""
    ipr, kernel = asking([(24, route(family, oif=7).data[16:], 0)])
    assert ipr.route("get", dst=address, family=family)[0].get_attr("RTA_OIF") == 7
    kind, flags, made = read(kernel.sent[0])
    assert (kind, flags, made["dst_len"]) == (26, REQUEST, length)
    assert made.get_attr("RTA_DST") == address


# --- requests, as pyroute2 reads them ----------------------------------------------------


def sent(asking, ask):
    """Return the request that ``ask`` makes of a socket."""
    ipr, kernel = asking([FINE])
    ask(ipr)
    [request] = kernel.sent
    return read(request)


@pytest.mark.parametrize("preferred", [0, 0xFFFFFFFF])
def test_an_ipv6_address_is_sent_with_its_lifetimes(asking, preferred):
    """Whatever pyroute2 calls them: both arrive, and the flag that there is nothing to detect."""
    words = {"ifa_preferred": preferred, "ifa_valid": 0xFFFFFFFF}
    kind, flags, made = sent(
        asking,
        lambda ipr: ipr.addr(
            "replace", index=2, address=CE, prefixlen=128, family=AF_INET6, flags=2, cacheinfo=words
        ),
    )
    assert (kind, flags) == (20, REQUEST | ACK | CREATE | REPLACE)
    assert [made[name] for name in ("family", "index", "prefixlen", "flags")] == [10, 2, 128, 2]
    assert [made.get_attr(f"IFA_{name}") for name in ("ADDRESS", "LOCAL")] == [CE, None]
    assert struct.pack("=4I", preferred, 0xFFFFFFFF, 0, 0) in made.data


@pytest.mark.parametrize(
    ("verb", "kind", "flags"), [("replace", 20, CREATE | REPLACE), ("del", 21, 0)]
)
def test_an_ipv4_address_is_its_own_peer(asking, verb, kind, flags):
    """As `ip address add` sends it."""
    words = {"index": 5, "address": "192.0.2.18", "prefixlen": 32, "family": AF_INET}
    found = sent(asking, lambda ipr: ipr.addr(verb, **words))
    assert found[:2] == (kind, REQUEST | ACK | flags)
    made = found[2]
    assert [made.get_attr(f"IFA_{name}") for name in ("ADDRESS", "LOCAL")] == ["192.0.2.18"] * 2
    assert [made[name] for name in ("family", "index", "prefixlen", "flags")] == [2, 5, 32, 0]


TUNNEL = {
    "kind": "ip6tnl",
    "ip6tnl_link": 2,
    "ip6tnl_local": CE,
    "ip6tnl_remote": BR,
    "ip6tnl_ttl": 64,
    "ip6tnl_flags": 1,
    "ip6tnl_proto": 4,
}


@pytest.mark.parametrize(
    ("verb", "which", "flags"),
    [("add", {"ifname": "mape0"}, CREATE | EXCL), ("set", {"index": 5}, 0)],
)
def test_the_kernel_is_sent_all_of_the_tunnel(asking, verb, which, flags):
    """Pyroute2 makes bytes of each of the words: none of them is one that it does not know."""
    found = sent(asking, lambda ipr: ipr.link(verb, **which, **TUNNEL))
    assert found[:2] == (16, REQUEST | ACK | flags)
    made = found[2]
    assert (made["index"], made.get_attr("IFLA_IFNAME")) == (
        which.get("index", 0),
        which.get("ifname"),
    )
    info = made.get_attr("IFLA_LINKINFO")
    assert info.get_attr("IFLA_INFO_KIND") == "ip6tnl"
    data = info.get_attr("IFLA_INFO_DATA")
    assert {
        name: data.get_attr(f"IFLA_IP6TNL_{name}")
        for name in ("LINK", "LOCAL", "REMOTE", "TTL", "FLAGS", "PROTO", "ENCAP_LIMIT")
    } == {
        "LINK": 2,
        "LOCAL": CE,
        "REMOTE": BR,
        "TTL": 64,
        "FLAGS": 1,
        "PROTO": 4,
        "ENCAP_LIMIT": None,
    }


def test_a_device_is_switched_on(asking):
    """That flag alone is changed."""
    kind, flags, made = sent(asking, lambda ipr: ipr.link("set", index=5, mtu=1460, state="up"))
    assert (kind, flags) == (16, REQUEST | ACK)
    assert [made[name] for name in ("index", "flags", "change")] == [5, 1, 1]
    assert (made.get_attr("IFLA_MTU"), made.get_attr("IFLA_LINKINFO")) == (1460, None)


def test_a_device_is_removed(asking):
    """By its index."""
    kind, flags, made = sent(asking, lambda ipr: ipr.link("del", index=5))
    assert (kind, flags, made["index"], made["attrs"]) == (17, REQUEST | ACK, 5, [])


@pytest.mark.parametrize(("table", "short"), [(254, 254), (255, 255), (256, 252), (70000, 252)])
@pytest.mark.parametrize("verb", ["del", (24, REQUEST | ACK | CREATE)])
def test_a_default_route_is_sent(asking, table, short, verb):
    """A number of a table that does not fit into the header stands in an attribute."""
    words = {"dst": "default", "family": AF_INET, "proto": 217, "table": table}
    more = {"oif": 7, "scope": 253, "type": 1, "priority": 2048}
    kind, flags, made = sent(asking, lambda ipr: ipr.route(verb, **words, **more))
    assert (kind, flags) == ((25, REQUEST | ACK) if verb == "del" else verb)
    names = ("family", "dst_len", "table", "proto", "scope", "type")
    assert [made[name] for name in names] == [2, 0, short, 217, 253, 1]
    assert {name: made.get_attr(f"RTA_{name}") for name in ("TABLE", "OIF", "PRIORITY", "DST")} == {
        "TABLE": table,
        "OIF": 7,
        "PRIORITY": 2048,
        "DST": None,
    }


def test_a_route_to_nowhere_has_no_device(asking):
    """And the widest scope."""
    words = {"dst": "default", "family": AF_INET, "proto": 217, "table": 100, "type": 7}
    _, _, made = sent(asking, lambda ipr: ipr.route("del", **words))
    assert (made["scope"], made["type"], made.get_attr("RTA_OIF")) == (0, 7, None)


@pytest.mark.parametrize(("verb", "kind", "flags"), [("add", 32, CREATE | EXCL), ("del", 33, 0)])
@pytest.mark.parametrize(
    "selects",
    [
        {"src": "203.0.113.7", "src_len": 32},
        {"fwmark": 0x1000000, "fwmask": 0x3000000},
        {"fwmark": 0, "fwmask": 0x3000000},
        {"src": "203.0.113.7", "src_len": 32, "suppress_prefixlen": 0},
    ],
)
def test_a_rule_is_sent(asking, verb, kind, flags, selects):
    """What it selects, also where that is 0, and nothing else."""
    words = {"family": AF_INET, "priority": 100, "table": 100, "protocol": 217, "action": 1}
    found = sent(asking, lambda ipr: ipr.rule(verb, **words, **selects))
    assert found[:2] == (kind, REQUEST | ACK | flags)
    made = found[2]
    names = ("family", "src_len", "table", "action")
    assert [made[name] for name in names] == [2, selects.get("src_len", 0), 100, 1]
    names = ("priority", "table", "protocol", "src", "fwmark", "fwmask", "suppress_prefixlen")
    wanted = {**words, **selects}
    assert {name: made.get_attr(f"FRA_{name.upper()}") for name in names} == {
        name: wanted.get(name) for name in names
    }


# --- what is loaded ----------------------------------------------------------------------

LOADED = """\
import platform, sys
asked = platform.architecture
def hook(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork"):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(hook)
from dualwan.host import netlink, netlink_changes, prefix, rtnl
of_pyroute2 = lambda: {name for name in sys.modules if name.startswith("pyroute2")}
assert not of_pyroute2(), of_pyroute2()
from dualwan.host import rtnl_request
rtnl_request.of_rule({}, 100, {"FRA_PRIORITY": 100})
rules = of_pyroute2()
rtnl_request.of_link({"index": 5}, "", {}, {})
from pyroute2 import config
assert platform.architecture is asked
print(config.arch, *rules)
"""


def test_reading_loads_nothing_of_pyroute2_and_a_rule_its_class():
    """Not its sockets, its database and its tests; and no program is started for it.

    file(1) on the interpreter takes longer than the whole import of a small module.
    """
    done = subprocess.run(
        [sys.executable, "-B", "-c", LOADED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    bits, *loaded = done.stdout.split()
    assert bits == platform.architecture()[0]
    assert set(loaded) == {
        "pyroute2",
        "pyroute2.common",
        "pyroute2.netlink",
        "pyroute2.netlink.exceptions",
        "pyroute2.netlink.rtnl",
        "pyroute2.netlink.rtnl.fibmsg",
    }

"""The rtnetlink socket: how answers are told apart, and what is loaded for it."""

import errno
import platform
import struct
import subprocess
import sys
from socket import AF_INET, AF_INET6

import pytest
from rtnetlink import link, route, rule
from rtnl_kernel import DONE, opener, read, refusal

from dualwan.host import rtnl
from dualwan.host.nfnetlink import packed
from dualwan.host.rtnl import NetlinkDumpInterrupted, NetlinkError

REQUEST, DUMP = 0x1, 0x300


@pytest.fixture(name="asking")
def _asking(monkeypatch):
    """Return a function that opens a socket to a kernel with these answers."""
    return opener(monkeypatch)


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


@pytest.mark.parametrize("length", [0, 1, 15, 17, 4000, 1 << 31])
@pytest.mark.parametrize("before", [b"", link("wan0", 2).data])
def test_a_length_that_cannot_be_is_no_answer(asking, monkeypatch, before, length):
    """Of a device, a list, or a confirmation; what came before it is no answer either."""
    ipr, kernel = asking()
    odd = struct.pack("=IHHII", length, 16, 0, 1, 0)
    monkeypatch.setattr(kernel, "recv", lambda _: before + odd)
    for ask in (
        ipr.get_links,
        lambda: ipr.get_links(2),
        lambda: ipr.link_lookup("wan0"),
        lambda: ipr.get_routes(AF_INET),
        lambda: ipr.rule("del", family=AF_INET, action=1, table=100, priority=100),
    ):
        ipr._sequence = 0  # noqa: SLF001 - that of the answers
        with pytest.raises(OSError, match="Bad message") as caught:
            ask()
        assert caught.value.errno == errno.EBADMSG


def test_a_refusal_that_is_cut_off_is_no_confirmation(asking):
    """Its number may have been any."""
    ipr, _ = asking([(2, b"\xff\xff")])
    with pytest.raises(NetlinkError, match="Bad message") as caught:
        ipr.rule("del", family=AF_INET, action=1, table=100, priority=100)
    assert caught.value.code == errno.EBADMSG


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


def test_only_rules_that_hold_an_attribute_are_kept(asking):
    """Those of others are passed over as they come; the kernel has no filter for rules."""
    rules = [(32, rule(at, at, protocol=3).data[16:]) for at in (100, 101, 102)]
    ipr, _ = asking([*rules, DONE], [*rules, DONE])
    held = packed(15, struct.pack("=I", 101))
    assert [one.get_attr("FRA_PRIORITY") for one in ipr.get_rules(AF_INET, held)] == [101]
    assert len(ipr.get_rules(AF_INET)) == 3


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

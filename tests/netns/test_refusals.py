"""What the kernel refuses, what was there first, and what is somebody else's: by netlink itself."""

import json

import pytest
from line import BY_NAME, NO_TUNNEL, PPPOE, named

CE = "2001:db8:0:100:99:f000:0:100"

# One call of NetlinkChanges, in Python, so that the request is the program's own.
CALL = """\
import sys
from dualwan.errors import KernelError
from dualwan.host.netlink_changes import NetlinkChanges
from dualwan.model.resources import Address, Route, RouteRule
try:
    print(eval("NetlinkChanges()." + sys.argv[1]))
except KernelError as error:
    print(error)
"""
# A run that loses the right to change the network right before it adds a rule: that the
# process is root does not help it then (capabilities(7): 12 is CAP_NET_ADMIN).
POWERLESS = """\
import ctypes, struct, sys
from dualwan.cli import main
from dualwan.host.netlink_changes import NetlinkChanges
libc, add_rule = ctypes.CDLL(None, use_errno=True), NetlinkChanges.add_rule
def powerless(self, rule):
    head, rights = struct.pack("=Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    assert libc.capget(head, rights) == 0
    low, *rest = struct.unpack("=6I", rights)
    assert libc.capset(head, struct.pack("=6I", low & ~(1 << 12), *rest)) == 0
    add_rule(self, rule)
NetlinkChanges.add_rule = powerless
sys.exit(main(sys.argv[1:]))
"""


def call(line, text):
    """Return what Netlink says to the call that ``text`` is."""
    done = line.python(CALL, text)
    assert done.stderr == ""
    return done.stdout.rstrip("\n")


def defaults(line):
    """Return the devices of the router's default routes in the main table, in their order."""
    return [
        route["dev"]
        for route in json.loads(line.router.run("ip", "-j", "route", "show", "default"))
    ]


def way(line):
    """Return the device by which the router reaches the internet."""
    return json.loads(line.router.run("ip", "-j", "route", "get", "198.51.100.1"))[0]["dev"]


# --- refused -----------------------------------------------------------------------------


def test_a_refused_route_ends_with_the_kernels_reason(bare):
    """PPPoE has an address and is down: the route cannot be; code 4, one line, the rest is done."""
    line = bare()
    line.router.ip("link set ppp0 down")
    done = line.hook(*named(BY_NAME))
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        "dualwan-hook: adding route default dev ppp0 table 100: Network is down\n"
    )
    assert line.tables() == ["dualwan_firewall", "dualwan_pbr", "dualwan_snat"]
    line.router.ip("link set ppp0 up")
    line.apply()
    assert line.settled()


def test_a_hook_says_so_too(bare):
    """To pppd's log, and ends with 0."""
    line = bare()
    assert line.hook().stderr == NO_TUNNEL  # all of it, so that the router is to be up
    line.router.ip("link set ppp0 down")
    assert line.complaint("ppp-up", PPP_IFACE="ppp0") == (
        "dualwan-hook: adding route default dev ppp0 table 100: Network is down\n"
    )


def test_a_refused_rule_ends_with_the_kernels_reason(bare):
    """Code 4 and one line; the next run, which may, does the rest."""
    line = bare()
    done = line.python(POWERLESS, *named(BY_NAME))
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"dualwan-hook: adding rule 99: from {PPPOE} lookup main suppress_prefixlength 7: "
        "Operation not permitted\n"
    )
    assert line.rules() == []
    line.apply()
    assert line.settled()
    assert len(line.rules()) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('set_address(Address("lo", "192.0.2.18"))', "None"),
        ('add_rule(RouteRule(100, 100, "203.0.113.7"))', "None"),
        ('remove_rule(RouteRule(100, 100, "203.0.113.7"))', "None"),
        ('remove_route(Route(100, "ppp0"))', "None"),
        ('remove_address(Address("wan0", "192.0.2.18"))', "None"),
        ('remove_link("nothing0")', "None"),
        ('add_route(Route(100, "nothing0"))', "the interface nothing0 does not exist"),
        ('remove_link("lo")', "removing lo: Operation not supported"),
    ],
)
def test_what_the_kernel_really_says(bare, text, said):
    """What is there already, or gone already, is none; anything else is told in its words."""
    line = bare()
    assert call(line, text) == call(line, text) == said


# --- what was there first ----------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["static", "boot", "kernel"])
def test_our_default_route_goes_before_one_that_was_there(bare, protocol):
    """Whoever made it, with the same metric: ours is the way; when it goes, theirs is again."""
    line = bare()
    line.router.ip(f"route del default\nroute add default dev lan0 proto {protocol}")
    assert call(line, 'add_route(Route(254, "ppp0"))') == "None"
    assert (defaults(line), way(line)) == (["ppp0", "lan0"], "ppp0")
    assert call(line, 'add_route(Route(254, "ppp0"))') == "None"
    assert defaults(line) == ["ppp0", "lan0"]
    assert call(line, 'remove_route(Route(254, "ppp0"))') == "None"
    assert (defaults(line), way(line)) == (["lan0"], "lan0")


def test_our_routes_go_by_their_metric(bare):
    """The tunnel's, then PPPoE's on failover, then the tunnel's when it cannot carry anything."""
    line = bare()
    line.router.ip("route del default")
    for device, metric in (("mape0", 4096), ("ppp0", 2048), ("lan0", 0)):
        assert call(line, f'add_route(Route(254, "{device}", {metric}))') == "None"
        assert way(line) == device
    assert call(line, "routes()") == (
        "[Route(table=254, device='lan0', metric=0, destination=''), "
        "Route(table=254, device='ppp0', metric=2048, destination=''), "
        "Route(table=254, device='mape0', metric=4096, destination='')]"
    )


def test_a_route_to_nowhere_stands_in_its_own_table(bare):
    """Unreachable at the end of PPPoE's table: it is seen, told apart, and taken away."""
    line = bare()
    assert call(line, 'add_route(Route(100, "", 4096))') == "None"
    assert line.router.run("ip", "route", "show", "table", "100").startswith(
        "unreachable default proto"
    )
    assert call(line, "routes()") == "[Route(table=100, device='', metric=4096, destination='')]"
    assert call(line, 'remove_route(Route(100, "", 4096))') == "None"
    assert line.routes() == []


# --- somebody else's ---------------------------------------------------------------------


def wan(line):
    """Return the global IPv6 addresses of wan0."""
    listed = json.loads(line.router.run("ip", "-j", "-6", "address", "show", "dev", "wan0"))
    return {
        f"{one['local']}/{one['prefixlen']}"
        for device in listed
        for one in device["addr_info"]
        if one["scope"] == "global"
    }


def test_the_owners_own_ce_address_is_not_ours(bare):
    """With another length: it is neither seen nor taken away, by `down` neither."""
    line = bare()
    line.apply()
    line.router.ip(f"address add {CE}/64 dev wan0 nodad")
    assert CE not in call(line, 'look(["wan0"])')
    assert call(line, f'remove_address(Address("wan0", "{CE}"))') == "None"
    assert wan(line) == {f"{CE}/64"}
    done = line.hook("down")
    assert (done.returncode, done.stderr) == (0, "")
    assert CE not in done.stdout
    assert wan(line) == {f"{CE}/64"}


def test_our_ce_address_is_seen_with_its_own_length(bare):
    """As /128, deprecated; taken away it is gone."""
    line = bare()
    ours = f'Address("wan0", "{CE}", deprecated=True)'
    assert call(line, f"set_address({ours})") == "None"
    assert wan(line) == {f"{CE}/128"}
    assert f"address='{CE}', deprecated=True" in call(line, 'look(["wan0"])')
    assert call(line, f"remove_address({ours})") == "None"
    assert wan(line) == set()

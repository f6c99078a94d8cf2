"""Two routers on one line, with the files of docs/two-routers.md: who works, and what goes on."""

import re
import socket
import time
from contextlib import closing, suppress

import pytest
from line import CLIENT, SERVERS, SHARED
from space import until
from two_routers import Routers, passes
from two_routers_page import files
from watching import Watching

PORTS = 1008


@pytest.fixture(name="routers")
def _routers(tmp_path):
    """Return two routers after a boot, neither of which was told anything yet."""
    with closing(Routers(tmp_path)) as made:
        for one in made.both:
            one.ifup()
        yield made


def take_over(routers, router, *, other=True):
    """Let ROUTER take over as keepalived would; OTHER: the other one is told too."""
    routers.give(router)
    router.hook("role", "active")
    if other:
        routers.other(router).hook("role", "standby")


def carry(old, new):
    """Copy the conntrack entries from one router to another, as conntrackd does."""
    listed = old.space.run("conntrack", "-L", "-s", CLIENT, "-o", "extended")
    for line in listed.splitlines():
        found = dict(re.findall(r"(\w+)=(\S+)", line.split("src=", 2)[1]))
        found["src"] = re.search(r"src=(\S+)", line)[1]
        reply = dict(re.findall(r"(\w+)=(\S+)", "src=" + line.split("src=", 2)[2]))
        protocol, seconds = line.split()[2], line.split()[4]
        state = ["--state", "ESTABLISHED"] if protocol == "tcp" else []
        new.space.run(
            *("conntrack", "-I", "-p", protocol, "-t", seconds, *state, "-u", "SEEN_REPLY,ASSURED"),
            *("-s", found["src"], "-d", found["dst"]),
            *("--sport", found["sport"], "--dport", found["dport"]),
            *("-r", found["dst"], "-q", found["src"]),  # as before the translation
            *("--reply-port-src", found["dport"], "--reply-port-dst", found["sport"]),
            *("-n", f"{SHARED}:{reply['dport']}"),
        )


def open_flows(routers, number, first=20000, target=SERVERS[0]):
    """Open that many UDP flows to one destination, each answered; return their outer ports."""
    server = routers.internet.udp(target, 9000, timeout=2)
    found = []
    for port in range(first, first + number):
        with closing(routers.lan.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)) as client:
            client.bind((CLIENT, port))
            client.sendto(b"x", (target, 9000))
            with suppress(TimeoutError):
                peer = server.recvfrom(9)[1]
                server.sendto(b"y", peer)
                found.append(peer[1])
    server.close()
    return found


def test_the_files_are_whole():
    """Each router has one of each kind, and the addresses of the one are not those of the other."""
    first, second = files("router1"), files("router2")
    assert [*first] == [*second]
    assert len(first) == 6
    for one, own in ((first, "192.168.1.2/24"), (second, "192.168.1.3/24")):
        assert own in one["/etc/network/interfaces"]
    same = {path for path in first if first[path] == second[path]}
    assert same == {
        "/etc/dualwan/dualwan.toml",
        "/etc/systemd/system/conntrackd.service.d/boot.conf",
        "/etc/systemd/system/keepalived.service.d/dualwan.conf",
    }


def test_neither_works_before_it_is_told(routers):
    """A boot, ifup and a run of the command leave both closed, and a check finds no fault."""
    for one in routers.both:
        said, *warnings = one.hook("check").stdout.splitlines()
        assert said.endswith("in order")
        assert all("keepalived" in warning for warning in warnings)  # its file is not in /etc here
        one.hook()
        assert one.is_standby()
        assert one.role == "standby"
        assert one.hook("--dry-run", "--exit-code", check=False).returncode == 0
    assert not passes(routers, 0.2)


def test_the_one_that_is_told_works_and_the_other_stays_closed(routers):
    """One CE and one session; the line's router knows where."""
    take_over(routers, routers.first)
    assert routers.first.is_active()
    assert routers.second.is_standby()
    assert passes(routers)
    assert routers.ce_is_at() == routers.first.space.mac("wan0")


def test_the_line_learns_of_a_takeover_at_once(routers):
    """Without waiting for a neighbour that no longer answers: it is told, in either direction."""
    take_over(routers, routers.first)
    assert passes(routers)
    for one in (routers.second, routers.first):
        routers.give(one)
        routers.other(one).hook("role", "standby")
        assert routers.ce_is_at() != one.space.mac("wan0")
        one.hook("role", "active")
        assert routers.ce_is_at() == one.space.mac("wan0")
        assert passes(routers, 1.0)


def test_flows_go_on_with_their_ports(routers):
    """Each keeps its port, and so does its endpoint towards another destination."""
    take_over(routers, routers.first)
    ports = open_flows(routers, 30)
    assert len(set(ports)) == 30
    carry(routers.first, routers.second)
    take_over(routers, routers.second)
    assert open_flows(routers, 30) == ports
    assert open_flows(routers, 30, target=SERVERS[2]) == ports
    assert len(routers.second.elements("carried")) == 30
    assert set(routers.second.elements("udp_mapped")) == set(map(str, ports))


def test_no_port_is_given_twice_and_none_is_lost(routers):
    """The old flows have half of the ports towards a destination; new ones get all of the rest."""
    for one in routers.both:
        path = one.folder / "dualwan.toml"
        path.write_text(path.read_text().replace("[pppoe]", "max-share = 100\n\n[pppoe]"))
    take_over(routers, routers.first)
    old = open_flows(routers, PORTS // 2)
    assert len(set(old)) == PORTS // 2
    carry(routers.first, routers.second)
    take_over(routers, routers.second)
    new = open_flows(routers, PORTS - PORTS // 2, first=30000)
    assert len(new) == PORTS - PORTS // 2
    assert len({*old, *new}) == PORTS
    assert "insert_failed=0" in re.sub(
        r"insert_failed=0(?=.*insert_failed)", "", routers.second.space.run("conntrack", "-S")
    )


def test_an_entry_that_nobody_wrote_down_is_safe_all_the_same(routers):
    """Without the sets the kernel still gives no port twice: it drops the first packet."""
    take_over(routers, routers.first)
    old = open_flows(routers, 300)
    carry(routers.first, routers.second)
    take_over(routers, routers.second)
    for name in ("carried", "udp_mapped"):
        routers.second.space.run("nft", "flush", "set", "ip", "dualwan_snat", name)
    new = open_flows(routers, 100, first=30000)
    assert not {*old} & {*new}


def test_twenty_takeovers_leave_nothing_behind(routers):
    """Neither in the kernel nor on disk."""

    def left(router):
        space = router.space
        return (
            space.run("nft", "-s", "list", "ruleset").count("\n"),
            sorted(space.run("ip", "-br", "address").split()),
            space.run("ip", "rule"),
            space.run("ip", "route", "show", "table", "all"),
            sorted(path.name for path in (router.folder / "dualwan").rglob("*")),
            len((router.folder / "dualwan" / "state.json").read_text()) // 100,
        )

    take_over(routers, routers.first)
    take_over(routers, routers.second)
    seen = [left(one) for one in routers.both]
    for number in range(20):
        take_over(routers, routers.both[number % 2])
    assert [left(one) for one in routers.both] == seen
    assert routers.first.is_standby()
    assert routers.second.is_active()
    assert passes(routers)


def test_both_active_and_then_one(routers):
    """Split brain: the one that came last has the line, and as soon as it steps back the other.

    It asks who has the CE, and what is answered goes to all.
    """
    take_over(routers, routers.first)
    assert passes(routers)
    take_over(routers, routers.second, other=False)
    assert routers.ce_is_at() == routers.second.space.mac("wan0")
    assert passes(routers)  # the LAN's gateway and the line have the same one
    routers.give(routers.first)
    routers.second.hook("role", "standby")
    assert until(lambda: routers.ce_is_at() == routers.first.space.mac("wan0"), 1)
    assert passes(routers, 1.0)
    assert (routers.first.dialled, routers.second.dialled) == (True, False)


def test_two_scripts_at_a_time_end_as_the_later_one_says(routers):
    """Whichever of them gets the lock first."""
    router = routers.first
    for last in ("active", "standby"):
        order = ["standby", "active"] if last == "active" else ["active", "standby"]
        started = []
        for word in order * 2:
            started.append(router.start("role", word))
            time.sleep(0.03)
        for one in started:
            one.communicate(timeout=60)
        assert router.role == last
        assert router.is_active() if last == "active" else router.is_standby()


def test_the_watcher_mends_within_the_role(routers):
    """What somebody opens on the standby is closed; what goes on the active one is put back."""
    router = routers.first
    with closing(Watching(_Watched(router))):
        router.space.run("nft", "delete", "table", "inet", "dualwan_firewall")
        assert until(lambda: "dualwan_firewall" in router.tables())
        assert until(router.is_standby)
        take_over(routers, router)
        router.space.run("ip", "link", "del", "mape0")
        assert until(router.has_tunnel)
        assert until(router.is_active)


class _Watched:
    """A router as Watching wants it."""

    def __init__(self, router):
        self._router = router

    def command(self, *argv):
        return self._router.space.argv(self._router.command_path, *argv)

    def environment(self):
        return {}


def test_a_router_that_is_alone_has_no_role(routers):
    """The command says so, and changes nothing."""
    router = routers.first
    path = router.folder / "dualwan.toml"
    path.write_text(path.read_text().replace("redundant = true", "redundant = false"))
    done = router.hook("role", "standby", check=False)
    assert (done.returncode, "has no other one" in done.stderr) == (2, True)

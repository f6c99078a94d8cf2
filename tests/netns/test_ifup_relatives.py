"""E1: whoever runs the folders of hooks, the folder says the event. Real ifup, of three packages.

And NetworkManager's dispatcher, as NetworkManager-dispatcher(8) and 01-ifupdown call the hooks.
"""

import pytest
from ifup import Ifup
from line import BY_NAME

STANZAS = """\
auto wan0
iface wan0 inet manual

auto lan0
iface lan0 inet manual
"""
PROGRAMS = ("ifupdown", "ifupdown-ng", "ifupdown2")
# PHASE as each of them sets it; see test_hook_events.
PHASES = {
    "ifupdown": ("pre-up", "post-up", "pre-down", "post-down"),
    "ifupdown-ng": ("pre-up", "up", "down", "post-down"),
    "ifupdown2": ("pre-up", "up", "down", "post-down"),
}
TABLES = ["dualwan_firewall", "dualwan_pbr", "dualwan_snat"]


@pytest.fixture(name="router")
def _router(bare):
    """Return a function that makes a router whose network a package runs, PPPoE being down."""

    def make(package):
        line = bare()
        line.router.ip("link del ppp0\nlink set wan0 down")
        return Ifup(line, package, STANZAS)

    return make


@pytest.mark.parametrize("package", PROGRAMS)
def test_ifup_and_ifdown_of_each_program(router, package):
    """Closed first, then up; down, and open last. PHASE is what the unit test of the hook says."""
    ifup = router(package)
    assert ifup.command("ifup", "wan0") == ["pre-up", "up"]
    assert ifup.line.tables() == TABLES
    assert ifup.line.settled(*BY_NAME)
    assert ifup.command("ifdown", "wan0") == ["down", "post-down"]
    assert ifup.line.tables() == []
    folders = ("if-pre-up.d", "if-up.d", "if-down.d", "if-post-down.d")
    assert ifup.phases_of("wan0") == list(zip(folders, PHASES[package], strict=True))


@pytest.mark.parametrize("package", PROGRAMS)
def test_ifup_of_a_wan_that_is_up_changes_nothing(router, package):
    """`ifup --force`: the hooks run again, and find all in order."""
    ifup = router(package)
    ifup.command("ifup", "wan0")
    before = ifup.line.texts(), ifup.line.rules(), ifup.line.routes()
    assert ifup.command("ifup", "--force", "wan0") == ["pre-up", "up"]
    assert (ifup.line.texts(), ifup.line.rules(), ifup.line.routes()) == before


@pytest.mark.parametrize("package", PROGRAMS)
def test_all_stanzas_at_once_are_one_router(router, package):
    """`ifup -a`, as at boot: the LAN's hooks, and those of ifupdown for --all, are not ours.

    ifupdown's `ifdown -a` leaves an interface up that is configured by hand, and so the firewall.
    """
    ifup = router(package)
    assert ifup.command("ifup", "-a") == ["pre-up", "up"]
    assert {folder for folder, _ in ifup.phases_of("lan0")} == {"if-pre-up.d", "if-up.d"}
    assert ifup.line.settled(*BY_NAME)
    assert ifup.command("ifdown", "-a") == ["down", "post-down"]
    is_up = ",UP" in ifup.line.router.run("ip", "-br", "link", "show", "dev", "wan0")
    assert ifup.line.tables() == (["dualwan_firewall"] if is_up else [])
    assert is_up is (package == "ifupdown")


def test_ifreload_of_ifupdown2(router):
    """It brings up what is up already, and takes down what has lost its stanza."""
    ifup = router("ifupdown2")
    assert ifup.command("ifreload", "-a") == ["pre-up", "up"]
    assert ifup.command("ifreload", "-a") in ([], ["pre-up", "up"])
    assert ifup.line.settled(*BY_NAME)
    (ifup.network / "interfaces").write_text("auto lo\niface lo inet loopback\n")
    assert ifup.command("ifreload", "-a") == ["down", "post-down"]
    assert ifup.line.tables() == []


# --- NetworkManager ---------------------------------------------------------------------------


class Dispatcher(Ifup):
    """NetworkManager's dispatcher, and its script 01-ifupdown."""

    def __init__(self, line):
        super().__init__(line, "ifupdown", STANZAS)
        (self.network / "dispatcher.d").mkdir()
        self.script = self.network / "dispatcher.d" / "00dualwan-hook"
        self.script.write_text(self.hook("networkmanager"))
        self.script.chmod(0o755)

    def action(self, interface, action, **environ):
        """Run our script, and then what 01-ifupdown runs; return the events of each."""
        more = {
            "NM_DISPATCHER_ACTION": action,
            "DEVICE_IFACE": interface,
            "DEVICE_IP_IFACE": interface,
            "CONNECTION_ID": "line",
            **environ,
        }
        ours, theirs = self.run(self.script, interface, action, **more), []
        for folder, phase, mode in {
            "up": [("if-up.d", "post-up", "start")],
            "down": [("if-post-down.d", "post-down", "stop")],
        }.get(action, []):
            for family in ("inet6", "inet"):
                theirs += self.run(
                    *("run-parts", f"/etc/network/{folder}"),
                    IFACE=interface,
                    LOGICAL=interface,
                    METHOD="NetworkManager",
                    ADDRFAM=family,
                    MODE=mode,
                    PHASE=phase,
                    VERBOSITY="0",
                )
        return ours, theirs


@pytest.fixture(name="manager")
def _manager(bare):
    """Return NetworkManager's dispatcher on a router whose PPPoE is down."""
    line = bare()
    line.router.ip("link del ppp0")
    return Dispatcher(line)


def test_networkmanager_brings_the_router_up_and_down(manager):
    """Its own 01-ifupdown runs some of our other hooks besides, which find all in order."""
    line = manager.line
    assert manager.action("wan0", "pre-up") == (["pre-up"], [])
    assert line.tables() == TABLES
    assert manager.action("wan0", "up") == (["up"], ["up", "up"])
    assert line.settled(*BY_NAME)
    assert manager.action("wan0", "reapply") == (["up"], [])
    assert manager.action("wan0", "pre-down") == (["down"], [])
    assert line.tables() == ["dualwan_firewall"]
    line.router.ip("link set wan0 down")
    assert manager.action("wan0", "down") == (["down", "post-down"], ["post-down"] * 2)
    assert line.tables() == []


def test_a_cable_that_is_pulled_out_has_no_pre_down(manager):
    """NetworkManager says down alone; the device stays up, and so the firewall."""
    manager.action("wan0", "up")
    assert manager.action("wan0", "down")[0] == ["down", "post-down"]
    assert manager.line.tables() == ["dualwan_firewall"]
    manager.action("wan0", "up")
    assert manager.line.settled(*BY_NAME)


@pytest.mark.parametrize("action", ["pre-up", "up", "pre-down", "down", "dhcp6-change"])
def test_other_devices_of_networkmanager_are_not_ours(manager, action):
    """Nor is what it does besides, nor a connection that it only shows."""
    assert manager.action("lan0", action) == ([], [])
    if action == "dhcp6-change":
        assert manager.action("wan0", action) == ([], [])
    else:
        assert manager.action("wan0", action, CONNECTION_EXTERNAL="1")[0] == []

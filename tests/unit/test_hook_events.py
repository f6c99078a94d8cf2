"""From the environment and the arguments of a hook to an event, and whose event it is."""

import pytest

from dualwan import hook
from dualwan.model.event import Event


@pytest.mark.parametrize(
    ("phase", "event"),
    [
        ("pre-up", "pre-up"),
        ("up", "up"),
        ("post-up", "up"),
        ("pre-down", "down"),
        ("down", "down"),
        ("post-down", "post-down"),
        ("", ""),
        ("odd", ""),
    ],
)
def test_elsewhere_ifupdown_says_it_by_the_phase(phase, event):
    """A line of a stanza, or a person, calls the hook from no folder of ifup's: PHASE decides."""
    for folder in ("", "dualwan-hook"):
        assert hook.from_ifupdown(folder, {"PHASE": phase, "IFACE": "wan0"}) == (event, "wan0")


# PHASE as each program sets it, measured with the programs themselves in netns/test_ifup_relatives.
PHASES_IN = {
    "if-pre-up.d": ("pre-up", ("pre-up", "pre-up", "pre-up")),
    "if-up.d": ("up", ("post-up", "up", "up")),
    "if-down.d": ("down", ("pre-down", "down", "down")),
    "if-post-down.d": ("post-down", ("post-down", "post-down", "post-down")),
}


@pytest.mark.parametrize("folder", PHASES_IN)
@pytest.mark.parametrize("who", ["ifupdown", "ifupdown-ng", "ifupdown2"])
def test_the_folder_says_the_event_whoever_runs_it(folder, who):
    """The three programs run the same folders, and call their phases differently."""
    event, phases = PHASES_IN[folder]
    phase = phases[("ifupdown", "ifupdown-ng", "ifupdown2").index(who)]
    assert hook.from_ifupdown(folder, {"PHASE": phase, "IFACE": "wan0"}) == (event, "wan0")


@pytest.mark.parametrize("phase", ["post-up", "pre-down", "post-down", "odd", ""])
def test_a_phase_that_does_not_go_with_the_folder_is_ignored(phase):
    """NetworkManager's 01-ifupdown sets PHASE itself; whatever it says, the folder counts."""
    environ = {"PHASE": phase, "IFACE": "wan0", "METHOD": "NetworkManager"}
    assert hook.from_ifupdown("if-up.d", environ) == ("up", "wan0")


@pytest.mark.parametrize(
    ("action", "events"),
    [
        ("pre-up", ("pre-up",)),
        ("up", ("up",)),
        ("reapply", ("up",)),
        ("pre-down", ("down",)),
        ("down", ("down", "post-down")),
        ("vpn-up", ()),
        ("dhcp6-change", ()),
        ("connectivity-change", ()),
        ("hostname", ()),
        ("device-add", ()),
    ],
)
def test_networkmanager_says_it_by_its_arguments(action, events):
    """NetworkManager-dispatcher(8): the interface, and the action; without carrier only "down"."""
    assert hook.from_networkmanager(["wan0", action], {}) == (events, "wan0")


def test_networkmanager_only_shows_what_another_program_has_made():
    """CONNECTION_EXTERNAL: ifup has brought it up, and runs its own hooks."""
    external = {"CONNECTION_EXTERNAL": "1"}
    assert hook.from_networkmanager(["wan0", "down"], external) == ((), "wan0")
    assert hook.from_networkmanager(["", "hostname"], {}) == ((), "")
    assert hook.from_networkmanager([], {}) == ((), "")


def test_pppd_says_it_by_the_folder():
    """pppd(8): ip-up.d or ip-down.d, PPP_IFACE the device."""
    assert hook.from_ppp("ip-up.d", {"PPP_IFACE": "ppp0"}) == ("ppp-up", "ppp0")
    assert hook.from_ppp("ip-down.d", {"PPP_IFACE": "ppp0"}) == ("ppp-down", "ppp0")
    assert hook.from_ppp("ipv6-up.d", {"PPP_IFACE": "ppp0"}) == ("", "ppp0")
    assert hook.from_ppp("ip-up.d", {}) == ("ppp-up", "")


@pytest.mark.parametrize(
    ("event", "interface", "ours"),
    [
        (Event.UP, "wan0", True),
        (Event.UP, "ppp0", False),
        (Event.UP, "lan0", False),
        (Event.UP, "--all", False),
        (Event.PPP_UP, "ppp0", True),
        (Event.PPP_DOWN, "ppp1", False),
        (Event.PPP_UP, "wan0", False),
    ],
)
def test_whose_event_it_is(event, interface, ours):
    """The WAN's by ifupdown and our own PPPoE's by pppd; nobody else's."""
    assert hook.concerns(event, interface, "wan0", ["ppp0"]) is ours

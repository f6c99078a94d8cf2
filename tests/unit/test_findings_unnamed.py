"""O3: devices whose packets were dropped because no section of the configuration names them."""

import json

import pytest
from machine import BASE, config

from dualwan.findings import find
from dualwan.host.around import unnamed
from dualwan.model.surroundings import Surroundings
from dualwan.ppp.session import Pppd, Session
from dualwan.slices import firewall
from dualwan.slices.firewall.unnamed import NAME


@pytest.mark.parametrize(
    ("device", "packets", "seen", "word"),
    [
        ("docker0", 17, "17 packets from docker0 within a day met a closed", '"docker0"'),
        ("br-0123456789ab", 1, "1 packet from br-0123456789ab within a day", '"br-*"'),
        ("br-lan", 2, "2 packets from br-lan", '"br-lan"'),
    ],
)
def test_a_device_is_named_with_the_words_to_write(device, packets, seen, word):
    """By its name; a bridge that Docker names by chance by the beginning of the name."""
    (found,) = find(config(), Surroundings(unnamed={device: packets}))
    assert found.code == "device-unnamed"
    assert found.seen.startswith(seen)
    assert f"add {word} to interfaces in [lan]" in found.remedy


def test_a_device_that_is_named_by_now_is_no_finding():
    """What was dropped before the configuration named it stays in the set for a day."""
    text = BASE.replace('["lan0"]', '["lan0", "br-*"]')
    assert text != BASE
    around = Surroundings(unnamed={"br-0123456789ab": 3, "lan0": 2, "wan0": 1, "ppp0": 1})
    assert find(config(text), around) == ()
    source = BASE.replace("[mape]", '[mape]\nprefix-from = "eth5"')
    assert find(config(source), Surroundings(unnamed={"eth5": 1})) == ()


def test_only_devices_that_exist_are_counted(monkeypatch):
    """A container's device that went is of no use to anybody."""
    asked = []

    def counts(*what):
        asked.append(what)
        return {b"lo".ljust(16, b"\0"): 4, b"br-gone".ljust(16, b"\0"): 5}

    monkeypatch.setattr(unnamed, "element_counts", counts)
    assert unnamed.counts() == {"lo": 4}
    assert asked == [(*firewall.TABLE[:2], NAME)]


def test_a_session_of_ours_on_another_interface_is_none(monkeypatch):
    """Until the tables knew of that, what came in by it was dropped: nobody is to add it to LAN."""
    ours, vpn = Pppd(10, ("pppd", "call", "dsl-provider")), Pppd(11, ("pppd", "call", "vpn"))
    by_name = Pppd(12, ("pppd", "plugin", "pppoe.so", "nic-wan0"))
    devices = {"ppp0": vpn, "ppp1": ours, "ppp2": by_name}
    monkeypatch.setattr(
        unnamed,
        "element_counts",
        lambda *_: {name.encode().ljust(16, b"\0"): 3 for name in devices},
    )
    monkeypatch.setattr(unnamed.socket, "if_nameindex", lambda: [*enumerate(devices)])
    for there, named in (
        (("ppp0", "ppp1"), {"ppp0": 3, "ppp2": 3}),
        (("ppp0", "ppp2"), {"ppp0": 3, "ppp1": 3}),
    ):
        sessions = tuple(Session(name, devices[name]) for name in there)
        monkeypatch.setattr(unnamed.processes, "sessions", lambda sessions=sessions: sessions)
        assert unnamed.counts(config()) == named


def test_status_has_the_counts_by_device(run, machine):
    """As data, as a metric and as a line with what to do."""
    run()
    machine.around = Surroundings(unnamed={"wg0": 5})
    assert json.loads(run("status", "--json")[1])["unnamed"] == {"wg0": 5}
    assert 'dualwan_packets_unnamed{interface="wg0"} 5\n' in run("status", "--prometheus")[1]
    assert "obstacle: 5 packets from wg0 within a day" in run("status")[1]

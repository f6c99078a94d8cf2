"""Devices of the LAN whose new flows were dropped, because they were too many."""

from machine import config

from dualwan.findings import find
from dualwan.host.around import floods
from dualwan.model.surroundings import Surroundings
from dualwan.slices import firewall
from dualwan.slices.firewall import lan_flows


def test_a_device_is_named_by_its_link_address():
    """With how much was dropped, and as a notice: the router works."""
    many, one = find(config(), Surroundings(floods={"wg0": 1, "02:00:00:00:00:07": 900}))
    assert many.seen.startswith("02:00:00:00:00:07 in the LAN began more than 200 connections")
    assert "900 packets of such were dropped within a day" in many.seen
    assert one.seen.startswith("wg0 in the LAN")
    assert "1 packet of such" in one.seen
    assert {many.code, one.code} == {"device-floods"}
    assert many.is_notice


def test_the_sets_are_those_of_the_firewall(monkeypatch):
    """Link addresses are six bytes there, names of interfaces sixteen."""
    held = {
        (*firewall.TABLE[:2], lan_flows.FLOODING): {b"\x02\0\0\0\0\x07": 900},
        (*firewall.TABLE[:2], lan_flows.FLOODING_BY): {b"wg0".ljust(16, b"\0"): 1},
    }
    monkeypatch.setattr(floods, "element_counts", lambda *what: held[what])
    assert floods.counts() == {"02:00:00:00:00:07": 900, "wg0": 1}


def test_without_root_there_is_nothing(monkeypatch):
    """As a user may not ask the kernel."""

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(floods, "element_counts", refuse)
    assert floods.counts() == {}


def test_status_says_it(run, machine):
    """As an obstacle of which the router works all the same."""
    run()
    machine.around = Surroundings(floods={"02:00:00:00:00:07": 5})
    assert "02:00:00:00:00:07 in the LAN" in run("status")[1]

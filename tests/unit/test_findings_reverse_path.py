"""The reverse path filter that is on for all interfaces."""

import pytest
from machine import BASE, config

from dualwan.findings import find
from dualwan.host import surroundings, sysctl
from dualwan.model.surroundings import Surroundings


@pytest.mark.parametrize("value", ["1", "2"])
def test_it_is_named_and_may_be_meant_so(value):
    """Strict or loose: either wants a route back, which main has not always."""
    (found,) = find(config(), Surroundings(rp_filter_all=value))
    assert found.seen.startswith(f"net.ipv4.conf.all.rp_filter is {value}: ")
    assert found.is_notice


@pytest.mark.parametrize("value", ["0", ""])
def test_off_or_unknown_is_nothing(value):
    """Debian's own value, and a kernel that does not tell."""
    assert find(config(), Surroundings(rp_filter_all=value)) == ()


def test_with_failover_there_is_a_way_back():
    """By PPPoE's default route in main, which stands in; the strict filter looks at MAP-E's."""
    standing_in = config(BASE.replace("[lan]", "failover = true\n[lan]"))
    assert standing_in.wan.failover
    assert find(standing_in, Surroundings(rp_filter_all="2")) == ()
    (found,) = find(standing_in, Surroundings(rp_filter_all="1"))
    assert "no packet by PPPoE, because the way back" in found.seen


def test_the_strict_filter_is_not_about_mape_being_down():
    """It drops what comes by PPPoE also while MAP-E works; the loose one does not."""
    seen = {v: find(config(), Surroundings(rp_filter_all=v))[0].seen for v in ("1", "2")}
    assert ["while MAP-E has no tunnel" in seen[value] for value in ("1", "2")] == [False, True]


def test_it_is_read(tmp_path, monkeypatch):
    """In /proc/sys."""
    path = tmp_path / "net/ipv4/conf/all/rp_filter"
    path.parent.mkdir(parents=True)
    path.write_text("2\n")
    monkeypatch.setattr(sysctl, "PROC_SYS", tmp_path)
    assert surroundings.look(tmp_path).rp_filter_all == "2"

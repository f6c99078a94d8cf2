"""P1: a default route of another program before ours is seen, and ours is put first again."""

import pytest
from config_texts import PROBED
from machine import BASE, Machine, pending

from dualwan.config import from_text
from dualwan.handle import handle_event
from dualwan.host import main_default
from dualwan.model.event import Event
from dualwan.model.resources import MAIN, Route
from dualwan.model.state import Health, RunState
from dualwan.slices.tunnel import LAST_METRIC

CONFIG = from_text("f", BASE)
HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
ROW = "{}\t{}\t00000000\t0001\t0\t0\t{}\t{}\t0\t0\t0\n"
ANY, NET = "00000000", "0000000A"
MAPE = Route(MAIN, "mape0")


@pytest.mark.parametrize(
    ("rows", "device"),
    [
        ([], ""),
        ([("lan0", NET, 0, "000000FF")], ""),
        ([("ppp0", ANY, 0, ANY), ("mape0", ANY, 0, ANY)], "ppp0"),
        ([("lan0", ANY, 0, "000000FF"), ("mape0", ANY, 0, ANY)], "mape0"),  # 0.0.0.0/8
        ([("*", ANY, 0, ANY)], "*"),
    ],
)
def test_the_first_default_route_is_the_one_in_use(tmp_path, rows, device):
    """/proc/net/route is main in the order of lookup."""
    path = tmp_path / "route"
    path.write_text(
        HEAD + "".join(ROW.format(name, net, metric, mask) for name, net, metric, mask in rows)
    )
    assert main_default.device(path) == device


def test_a_machine_that_does_not_say_has_none(tmp_path):
    """Without /proc, or with a line that is cut off."""
    assert main_default.device(tmp_path / "none") == ""
    (tmp_path / "route").write_text(HEAD + "ppp0\t00000000\n")
    assert main_default.device(tmp_path / "route") == ""


@pytest.fixture(name="up")
def _up():
    """Return a router that is up, with PPPoE."""
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    handle_event(CONFIG, machine, Event.UP)
    machine.applied.clear()
    return machine


@pytest.mark.parametrize("device", ["ppp0", "lan0", "eth9", "*"])
def test_ours_is_put_before_it(up, device):
    """`ip route prepend`, an ioctl of pppd or a DHCP client; theirs is not touched."""
    up.take_default(device)
    assert pending(up, CONFIG, Event.APPLY) == [
        "- route default dev mape0 table main",
        "+ route default dev mape0 table main",
    ]
    handle_event(CONFIG, up, Event.APPLY)
    assert {step.resource for step in up.applied} == {MAPE}
    assert pending(up, CONFIG, Event.APPLY) == []


def test_replacedefaultroute_takes_ours_away_and_it_is_back_with_one_step(up):
    """Pppd adds its own, then removes ours."""
    up.take_default("ppp0", replace_ours=True)
    assert MAPE not in up.state.routes
    assert pending(up, CONFIG, Event.APPLY) == ["+ route default dev mape0 table main"]
    handle_event(CONFIG, up, Event.APPLY)
    assert pending(up, CONFIG, Event.APPLY) == []


def test_what_pppd_puts_back_in_the_end_does_no_harm(up):
    """It adds the route that it had found, by the tunnel: the same way, so ours may stay second."""
    up.take_default("mape0")
    assert pending(up, CONFIG, Event.APPLY) == []


def test_a_default_way_that_stands_back_for_pppoe_is_not_put_first():
    """During failover another default route does no harm."""
    config = from_text("f", PROBED)
    machine = Machine("wan0", "lan0")
    machine.connect("203.0.113.7")
    machine.run_state = RunState(wanted=True, health=Health(broken=True))
    handle_event(config, machine, Event.UP)
    assert Route(MAIN, "mape0", LAST_METRIC) in machine.state.routes
    machine.take_default("ppp0")
    assert pending(machine, config, Event.APPLY) == []

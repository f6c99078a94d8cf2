"""The watcher on a line whose prefix is on the LAN ([mape] prefix-from): the WAN counts too."""

import pytest
from config_texts import DIALS_BY_RULE
from machine import Machine

from dualwan.config import from_text
from dualwan.handle import handle_event
from dualwan.model.event import Event
from dualwan.watcher import Carried, Look

TEXT = DIALS_BY_RULE.replace("[mape]\n", '[mape]\nprefix-from = "lan0"\n')
pytestmark = pytest.mark.usefixtures("log")


class Delegated(Machine):
    """A machine whose default route of IPv6 is by its WAN alone."""

    def line_state(self, device):
        """See Kernel."""
        index, up, prefixes, default, routers = super().line_state(device)
        return index, up, prefixes, default and device == "wan0", routers


def settle(machine, path, carried):
    """Look until there is no more to do at once; return what is carried on."""
    for _ in range(20):
        seconds, carried = Look(carried, path, machine).run()
        if seconds != 0:
            return carried
    raise AssertionError("the watcher looks again and again")


def test_pppoe_is_dialled_once_the_wan_is_up(tmp_path):
    """Where no program tells of it, as with networkd. The LAN had its prefix before."""
    path = tmp_path / "dualwan.toml"
    path.write_text(TEXT)
    machine = Delegated("wan0", "lan0")
    machine.announced["lan0"] = ("2001:db8:12:3400::/64",)
    machine.switch("wan0", up=False)
    handle_event(from_text("dualwan.toml", TEXT), machine, Event.BOOT)
    carried = settle(machine, path, Carried())
    assert machine.running == set()
    machine.switch("wan0", up=True)
    carried = settle(machine, path, carried)
    assert machine.running == {"dsl-provider"}
    assert [tunnel.name for tunnel in machine.state.tunnels] == ["mape0"]
    machine.running.clear()  # who ends afterwards is not dialled again
    settle(machine, path, carried)
    assert machine.running == set()

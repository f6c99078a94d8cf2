"""A WAN that is renamed in the file before its ifdown."""

import pytest
from machine import BASE, pending

from dualwan import hook
from dualwan.config import load
from dualwan.host import store
from dualwan.model.event import Event

DIALS = BASE.replace("dial = false", "dial = true")
RENAMED = DIALS.replace('"wan0"', '"wan1"')
pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture(name="router")
def _router(machine, config, tmp_path, monkeypatch):
    """Return a router that was brought up by wan0, which the file does not name any more."""
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path / "run"))
    config.write_text(DIALS)
    happen(machine, "up", "wan0")
    assert machine.running == {"dsl-provider"}
    config.write_text(RENAMED)
    return machine


def happen(machine, event, interface):
    """Let the hook be called; what it notes is in the run directory too."""
    assert hook.hook(event, interface) == 0
    store.save_state(machine.run_state)


def test_its_ifdown_hangs_up(router, config):
    """Pppd would try there for ever, and keep ifup of the new WAN from dialling."""
    happen(router, "down", "wan0")
    assert router.running == set()
    router.switch("wan0", up=False)
    router.plug("wan1")
    happen(router, "up", "wan1")
    assert router.running == {"dsl-provider"}
    assert pending(router, load(config), Event.APPLY) == []


def test_nothing_is_opened_by_it(router):
    """The firewall is taken away by an ifdown of the new WAN alone."""
    happen(router, "down", "wan0")
    happen(router, "post-down", "wan0")
    assert "dualwan_firewall" in {table.name for table in router.state.tables}


@pytest.mark.parametrize("interface", ["lan0", "eth9", "wan1x"])
def test_an_ifdown_of_another_interface_is_none_of_it(router, interface):
    """Also of one that the file of before names as a LAN's."""
    happen(router, "down", interface)
    assert router.running == {"dsl-provider"}


def test_once_the_new_wan_is_up_the_old_one_is_no_more_ours(router):
    """Its ifdown comes late."""
    router.plug("wan1")
    happen(router, "up", "wan1")
    happen(router, "down", "wan0")
    assert router.running == {"dsl-provider"}

"""A fault in whichever section: the configuration that was applied last goes on, whole."""

import pytest
from machine import BASE

from dualwan import hook
from dualwan.config import load
from dualwan.errors import ConfigError
from dualwan.host import last_good

WAY = '[way.fixed]\ntype = "ipip"\nbr = "2001:db8::1"\nipv4 = "203.0.113.80"\n'
END = 'interface-id = "::1:2:3:4"\n'
GUEST = '[zone.guest]\ninterfaces = ["guest0"]\n'
GOOD = BASE + WAY + END + GUEST + '[[policy]]\nway = "fixed"\nsource = "192.168.1.7"\n'
WRONG = {
    "a zone's key": GOOD + '[zone.dmz]\ninterfaces = ["dmz0"]\nservice = ["dns"]\n',
    "a zone's interface": GOOD.replace('"guest0"', '"lan0"'),
    "a zone's way": GOOD.replace(GUEST, GUEST + 'ways = ["fast"]\n'),
    "a zone that another one names": GOOD.replace(GUEST, GUEST + 'zones = ["dmz"]\n'),
    "a policy's way": GOOD.replace('way = "fixed"', 'way = "fast"'),
    "a policy's source": GOOD.replace("192.168.1.7", "192.168.1.700"),
    "a policy that takes nothing": GOOD + '[[policy]]\nway = "pppoe"\nsource = "192.168.1.7"\n',
    "a way's end": GOOD.replace(END, ""),
    "a way's addresses": GOOD.replace(END, END + 'addresses = ["192.168.1.0/24"]\n'),
    "what is open of a way": GOOD.replace(END, END + 'open = ["https"]\n'),
    "a way too many": GOOD
    + "".join(
        f'[way.w{at}]\ntype = "pppoe"\npeer = "w{at}"\ninterface = "ppp{at}"\n'
        for at in range(1, 8)
    ),
    "the role": GOOD + "[router]\nredundant = 1\n",
    "the flowtable": GOOD + '[firewall]\noffload = "yes"\n',
}


@pytest.fixture(name="kept", params=WRONG)
def _kept(config, request, tmp_path, monkeypatch):
    """Return a configuration that is kept; the present one is wrong."""
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path / "lib"))
    config.write_text(GOOD)
    kept = load(config)
    last_good.save(last_good.encode(kept))
    config.write_text(WRONG[request.param])
    return kept


@pytest.mark.parametrize("event", ["pre-up", "up"])
def test_it_is_used_as_it_was(config, kept, machine, log, event):
    """The guests' zone stands as before, and the log names the fault; nothing is half applied."""
    with pytest.raises(ConfigError):
        load(config)
    assert hook.hook(event, "wan0") == 0
    assert f"{config}:" in log[0]
    assert "is in use" in log[0]
    assert last_good.load(config).config == kept
    (table,) = (one for one in machine.state.tables if one.name == "dualwan_firewall")
    names = {block.name for block in table.blocks}
    assert "zone_in_guest" in names
    assert "zone_in_dmz" not in names

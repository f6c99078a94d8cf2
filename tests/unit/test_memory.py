"""What one run notes for the next, in the run directory."""

import json

import pytest

from dualwan.host import store
from dualwan.model.observed import Memory
from dualwan.model.resources import Address
from dualwan.model.usage import Losses
from dualwan.nft import legacy
from dualwan.nft.table import DeviceShortcut, NftTable, base_chain, dynamic

HOOK = "type filter hook input priority filter; policy drop;"
TABLE = NftTable("ip", "t", (dynamic("set", "held", "type ipv4_addr", 8, "60s", "1/2/3"),
                             base_chain("a", HOOK, DeviceShortcut("lan0", "accept"), "drop",
                                        comment="what comes in")))
NOTED = Memory(wanted=True, sysctls={"tunnel": {"net/ipv4/ip_forward": "0"}},
               addresses=(Address("wan0", "2001:db8::5"),), tunnels=("mape0",),
               pppoe="203.0.113.7", mape="192.0.2.18", tables={"t": (TABLE, "listed")},
               losses=Losses({"192.168.1.10": 3}, 2, 1))


@pytest.fixture(autouse=True)
def _run_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path))


def test_what_is_noted_is_read():
    """All of it."""
    store.write(NOTED)
    assert store.read() == NOTED


def test_notes_without_what_was_counted_are_read(tmp_path):
    """An upgrade must not forget what stood before it."""
    store.write(NOTED)
    noted = json.loads((tmp_path / store.NAME).read_text())
    del noted["losses"]
    (tmp_path / store.NAME).write_text(json.dumps(noted))
    assert store.read().sysctls == NOTED.sysctls
    assert store.read().losses == Losses()


def test_tables_that_0_1_0_noted_are_read(tmp_path):
    """It noted their text: an upgrade under a running line keeps what packets put into them."""
    store.write(NOTED)
    noted = json.loads((tmp_path / store.NAME).read_text())
    noted["tables"] = {"t": [TABLE.source(), "listed"], "torn": ["", ""]}
    (tmp_path / store.NAME).write_text(json.dumps(noted))
    assert store.read().tables == {"t": (legacy.table(TABLE.source()), "listed"),
                                   "torn": (NftTable("", "torn"), "")}

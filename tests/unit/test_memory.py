"""What one run notes for the next, in the run directory."""

import json

import pytest

from dualwan.host import store
from dualwan.model.observed import Memory
from dualwan.model.resources import Address
from dualwan.model.usage import Losses

NOTED = Memory(wanted=True, sysctls={"tunnel": {"net/ipv4/ip_forward": "0"}},
               addresses=(Address("wan0", "2001:db8::5"),), tunnels=("mape0",),
               pppoe="203.0.113.7", mape="192.0.2.18", tables={"t": ("text", "listed")},
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

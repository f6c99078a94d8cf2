"""Where the line's servers are asked: by the WAN, also where the prefix is delegated to the LAN.

With [mape] prefix-from = "lan0", as for a line with DHCPv6-PD, they were looked for on the LAN: by
the leases and notes of lan0, and by questions that any host there could answer.
"""

from contextlib import suppress

import pytest
from asked_line import GOOD, ORIGIN, PREFIX, TEXT
from machine import Machine

from dualwan.config import from_text
from dualwan.errors import DualwanError
from dualwan.handle import handle_event
from dualwan.model.event import Event

AFTR, BR = "gw.example.jp", "2001:db8:ffff::9"
BY_RULE = TEXT.replace("wait = 0\n", 'wait = 0\nprefix-from = "{source}"\n')
_MAPE = 'provider = "auto"\nprovisioning = ["hb46pp", "dhcpv6"]\n'
BY_AFTR = BY_RULE.replace(_MAPE, f'mode = "ds-lite"\naftr = "{AFTR}"\n')
TOLD = BY_RULE.replace(
    _MAPE,
    f'mode = "ipip"\nbr = "{BR}"\nipv4 = "192.0.2.18"\ninterface-id = "::feed"\n'
    'update = "/root/update"\n',
)


def asked(text, source):
    """Return the devices by which an ifup asks the line's servers."""
    machine, devices = Machine("wan0", "lan0", "line0", "guest0"), []
    machine.announced[source] = (PREFIX,)

    def fetch(_source, device, _previous, _seconds):
        devices.append(device)
        return ORIGIN, machine.clock, GOOD

    def resolve(_name, device):
        devices.append(device)
        return BR

    def call(_path, device, _ce):
        devices.append(device)
        return "OK"

    machine.fetch_provisioning, machine.resolve, machine.call_update_url = fetch, resolve, call
    with suppress(DualwanError):
        handle_event(from_text("dualwan.toml", text.replace("{source}", source)), machine, Event.UP)
    return devices


@pytest.mark.parametrize("text", [BY_RULE, BY_AFTR, TOLD], ids=["rule", "aftr", "update call"])
@pytest.mark.parametrize(
    ("source", "device"),
    [("wan0", "wan0"), ("lan0", "wan0"), ("guest0", "wan0"), ("line0", "line0")],
)
def test_servers_are_asked_by_the_line_and_never_by_the_lan(text, source, device):
    """Nor by a zone; another interface that is outside is the line's."""
    zone = '[zone.guests]\ninterfaces = ["guest0"]\n'
    assert {*asked(text + zone, source)} == {device}


def test_one_nic_for_both_is_the_line():
    """Its servers are there."""
    one_nic = TEXT.replace('["lan0"]', '["wan0"]')
    assert from_text("dualwan.toml", one_nic).line_device == "wan0"

"""An interface in the configuration by another name of its device (altname, ip-link(8)).

Since Debian 13 udev gives most NICs one by their link address, which `ip link show` takes. Rules of
nft by it match nothing, and there are no sysctls of it: the router was said to be in order or in
doubt about everything, the LAN was shut out, and the remedy was to remove the IPv6 default route.
"""

import pytest
from doctor_cases import Doctored
from machine import BASE, config
from rtnetlink import link
from rtnl_kernel import Kernel

from dualwan.findings import IN_FILES, find
from dualwan.host import rtnl
from dualwan.host.around import files, other_names
from dualwan.host.netlink import Netlink
from dualwan.model.surroundings import DefaultRoute, Surroundings

OTHER, OWN = "enx001122334455", "enp1s0"
BY_OTHER = BASE.replace('interface = "wan0"', f'interface = "{OTHER}"')


@pytest.fixture(name="netlink")
def _netlink(monkeypatch):
    """Return a Netlink whose kernel answers each question with the device enp1s0."""
    answer = [(16, link(OWN, 2).data[16:], 0)]
    monkeypatch.setattr(rtnl.socket, "socket", Kernel(answer, answer, answer))
    return Netlink()


def test_the_kernel_knows_it_and_we_do_not(netlink):
    """Whatever would be done with it would go wrong half-way."""
    assert netlink.link(OTHER) is None
    assert netlink.ipr.link_lookup(ifname=OTHER) == []
    assert netlink.link(OWN)["index"] == 2


@pytest.fixture(name="devices")
def _devices(monkeypatch):
    """Let there be enp1s0 with its other name, and lan0."""
    indexes = {OWN: 2, OTHER: 2, "lan0": 3}

    def index(name):
        if name not in indexes:
            raise OSError(19, "No such device")
        return indexes[name]

    monkeypatch.setattr(other_names, "if_nametoindex", index)
    monkeypatch.setattr(other_names, "if_indextoname", {2: OWN, 3: "lan0"}.get)


@pytest.mark.usefixtures("devices")
def test_each_such_name_is_found():
    """Of a device that is there; a pattern is no name."""
    assert other_names.look((OTHER, OWN, "lan0", "gone0", OTHER)) == {OTHER: OWN}
    text = BY_OTHER.replace('["lan0"]', '["lan0", "br-*"]')
    text += '[zone.guests]\ninterfaces = ["guest0"]\n'
    assert config(text).devices == (OTHER, "lan0", "guest0")
    assert files.look(config=config(BY_OTHER)).other_names == {OTHER: OWN}


def test_check_and_status_say_which_name_to_write():
    """And not that the default route of the WAN is one too many."""
    around = Surroundings(
        other_names={OTHER: OWN}, ipv6_defaults=(DefaultRoute(OWN, "fe80::1", 1024),)
    )
    for finders in (None, IN_FILES):
        (found,) = find(config(BY_OTHER), around, *([finders] if finders else []))
        assert found.code == "device-other-name"
        assert found.seen.startswith(f"dualwan.toml: {OTHER} is only another name of {OWN} ")
        assert found.remedy == f"write {OWN} in its place"


@pytest.mark.parametrize(("device", "check"), [("wan0", "device"), ("lan0", "lan")])
def test_doctor_says_it_in_place_of_a_device_that_is_not_there(device, check):
    """`ip link show` would find it."""
    made = Doctored()
    made.device(device)
    made.finding("device-other-name", f"dualwan.toml: {device} is only another name of {OWN}")
    (answer,) = (one.answer for one in made.diagnose() if one.check.name == check)
    assert answer.seen == f"dualwan.toml: {device} is only another name of {OWN}"

"""Which interface is the WAN, which the LAN, and how a person sees them."""

from dualwan.model.setup import Nic, SetupMachine
from dualwan.setup.nics import missing, propose_lan, propose_wan, table

WAN = Nic("enp1s0", "", "e1000e", 1000, True, (), ("2001:db8:0:100::/64",), True)
LAN = Nic("enp3s0", "", "igc", 0, False, ("192.168.1.1/24",), manager="dhcpcd")
BRIDGE = Nic("br0", "bridge", "bridge", carrier=True, addresses=("10.0.0.1/8", "8.8.8.8/32"))


def wan(*nics, said=(), peers=()):
    """Return the proposed WAN of a machine."""
    return propose_wan(SetupMachine(nics=nics, peer_nics=peers), said)[0]


def test_a_line_says_what_is_known_of_an_interface():
    """Driver, speed, carrier, addresses, prefix, who hears the line, who runs it."""
    assert table([WAN, LAN, BRIDGE, Nic("x")]) == [
        "  enp1s0  e1000e, 1000 Mb/s, carrier, prefix 2001:db8:0:100::/64, hears a router",
        "          advertisement",
        "  enp3s0  igc, no carrier, 192.168.1.1/24, run by dhcpcd",
        "  br0     bridge, carrier, 10.0.0.1/8, 8.8.8.8/32",
        "  x       driver not known, no carrier",
    ]
    assert table([]) == []


def test_scripts_and_the_peer_go_before_what_is_heard():
    """Then an advertisement, then a prefix; of two nothing is guessed."""
    assert wan(WAN, LAN, said=["enp9s9"]) == "enp9s9"
    assert wan(WAN, LAN, peers=(("isp", "enp3s0"),)) == "enp3s0"
    assert wan(WAN, LAN, peers=(("isp", "enp7s0"),)) == "enp1s0"
    assert wan(WAN, LAN, WAN._replace(name="enp2s0", hears=False)) == "enp1s0"
    assert wan(WAN._replace(hears=False), LAN) == "enp1s0"
    assert wan(WAN, WAN._replace(name="enp2s0")) == ""
    assert wan(LAN) == wan() == ""
    assert wan(WAN._replace(kind="bridge")) == ""


def test_the_lan_has_private_addresses_or_is_what_is_left():
    """Several may have; the WAN is none of them; of two without an address nothing is guessed."""
    machine = SetupMachine(nics=(WAN, LAN, BRIDGE))
    assert propose_lan(machine, "enp1s0", ["a", "b", "a"])[0] == ("a", "b")
    assert propose_lan(machine, "enp1s0", [])[0] == ("enp3s0", "br0")
    assert propose_lan(machine, "enp3s0", [])[0] == ("br0",)
    bare = (WAN, Nic("enp3s0"))
    assert propose_lan(SetupMachine(nics=bare), "enp1s0", [])[0] == ("enp3s0",)
    assert propose_lan(SetupMachine(nics=(*bare, Nic("x"))), "enp1s0", []) == ((), "")


def test_an_interface_that_is_not_there_is_named():
    """It may come later; a pattern always does."""
    found = missing(SetupMachine(nics=(WAN,)), ["enp1s0", "enp9s0", "br-*"])
    assert [text.split()[0] for text in found] == ["enp9s0"]

"""IPIP and DS-Lite: the other IPv4 services of the same lines, by the same slices."""

import pytest
from machine import Machine

from dualwan.config import from_text
from dualwan.errors import ConfigError
from dualwan.handle import handle_event
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.slices import firewall, snat

HEAD = """[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[pppoe]
dial = false
[mape]
"""
IPIP = (
    HEAD
    + """mode = "ipip"
br = "2001:db8:ffff::9"
ipv4 = "192.0.2.18"
interface-id = "::feed"
"""
)
DS_LITE = HEAD + 'mode = "ds-lite"\naftr = "gw.example.jp"\n'
PREFIX, OTHER = "2001:db8:0:100::/64", "2001:db8:0:200::/64"
AFTR = "2001:db8:ffff::64"


def derived(text, aftr=""):
    """Return the configuration TEXT, and the line with PREFIX."""
    cfg = from_text("f", text)
    return cfg, derive_line(cfg, [PREFIX], aftr=aftr)


def table(module, text, aftr=""):
    """Return the nft table of a slice as text, for the configuration TEXT."""
    cfg, line = derived(text, aftr)
    return module.wanted_table(cfg, line.ways).source()


def test_ipip_joins_prefix_and_interface_id():
    """The provider gives the lower half of our end, the line the upper one."""
    softwire = derived(IPIP)[1].softwire
    assert str(softwire.ce) == "2001:db8:0:100::feed"
    address = PREFIX.replace("::", "::5")
    assert derive_line(from_text("f", IPIP), [address]).softwire == softwire
    assert softwire.port_set is None


def test_ipip_takes_the_upper_half_of_a_longer_prefix_only():
    """Whatever is announced below 64 bits, the lower half is the provider's."""
    line = derive_line(from_text("f", IPIP), ["2001:db8:0:100:8000::/65"])
    assert str(line.softwire.ce) == "2001:db8:0:100::feed"


def test_a_whole_address_is_translated_without_ports():
    """Every port, and every protocol; nothing leaves with another source."""
    text = table(snat, IPIP)
    assert 'oifname "mape0" snat ip to 192.0.2.18\n' in text
    assert "ip saddr != 192.0.2.18 counter name untranslated drop\n" in text
    assert "numgen" not in text


def test_ipip_offers_the_services_on_both_addresses():
    """A fixed address is there to be reached; MAP-E's is not."""
    assert 'iifname { "ppp0", "mape0" } jump offers' in table(firewall, IPIP)
    assert 'iifname { "ppp0" } jump offers' in table(firewall, DS_LITE, AFTR)


def test_ds_lite_leaves_the_translation_to_the_other_end():
    """LAN addresses enter the tunnel as they are; what was translated is of another way."""
    assert str(derived(DS_LITE, AFTR)[1].softwire.ipv4) == "192.0.0.2"
    text = table(snat, DS_LITE, AFTR)
    assert "snat ip to" not in text
    dropped = [line for line in text.splitlines() if "untranslated drop" in line]
    assert all("ip saddr != 192.0.0.2 ct status" in line for line in dropped)


def test_ds_lite_waits_for_the_name():
    """Without the other end's address there is no tunnel, and the reason is said."""
    line = derived(DS_LITE)[1]
    assert line.softwire is None
    assert "gw.example.jp" in line.missing


def test_ds_lite_looks_up_its_other_end_at_ifup():
    """And again after a change of the line; a name server that is silent changes nothing."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (PREFIX,)
    machine.names["gw.example.jp"] = AFTR
    config = from_text("f", DS_LITE)
    handle_event(config, machine, Event.UP)
    assert [tunnel.remote for tunnel in machine.state.tunnels] == [AFTR]
    machine.names.clear()
    handle_event(config, machine, Event.PREFIX_CHANGED)
    assert [tunnel.remote for tunnel in machine.state.tunnels] == [AFTR]


def test_ipip_tells_the_provider_once_for_each_prefix():
    """At ifup, and after a renumbering; not at every event."""
    machine = Machine("wan0", "lan0")
    machine.announced["wan0"] = (PREFIX,)
    config = from_text("f", IPIP + 'update = "/etc/dualwan/update"\n')
    handle_event(config, machine, Event.UP)
    handle_event(config, machine, Event.UP)
    assert machine.called == ["/etc/dualwan/update"]
    machine.announced["wan0"] = (OTHER,)
    handle_event(config, machine, Event.PREFIX_CHANGED)
    assert len(machine.called) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (IPIP.replace('interface-id = "::feed"\n', ""), "needs 'interface-id'"),
        (IPIP.replace("::feed", "2001:db8::feed"), "more than the lower 64 bits"),
        (IPIP.replace('br = "2001:db8:ffff::9"\n', ""), "'br' is missing"),
        (
            DS_LITE.replace("gw.example.jp", "gw_example;"),
            "neither an IPv6 address nor a host name",
        ),
        (DS_LITE.replace("gw.example.jp", "192.0.2.1"), "neither an IPv6 address nor a host name"),
        (DS_LITE.replace("gw.example.jp", "fe80::1"), "'fe80::1' cannot be an end of the tunnel"),
        (IPIP.replace("2001:db8:ffff::9", "fe80::1"), "'fe80::1' cannot be an end of the tunnel"),
        (DS_LITE.replace('"ds-lite"', '"dslite"'), "must be one of map-e, ipip, ds-lite"),
        (DS_LITE + "psid = 1\n", "unknown key 'psid'"),
        (IPIP + 'update = "update"\n', "must be a whole path"),
    ],
)
def test_a_mode_takes_its_own_keys_only(text, message):
    """Each with a clear error."""
    with pytest.raises(ConfigError, match=message):
        from_text("f", text)

"""What a configuration means, and what holds where it says nothing."""

import re
from ipaddress import IPv4Address, IPv6Address

import pytest
from config_texts import changed
from hypothesis import given
from hypothesis import strategies as st
from machine import BASE

from dualwan.config import from_text, path_in_use
from dualwan.config.sections import RFC1918, Pppoe
from dualwan.config.services import KNOWN
from dualwan.errors import ConfigError
from dualwan.mape.portset import PortSet


def test_the_values_of_the_scripts_each_have_a_key():
    """BR, CE, IP4 and PSID of mape.sh, WANDEV, LAN and the PPPoE device end where they belong."""
    config = from_text("dualwan.toml", BASE)
    assert config.wan.interface == "wan0"
    assert config.lan.interfaces == ("lan0",)
    assert config.mape.manual.br == IPv6Address("2001:db8:ffff::9")
    assert config.mape.manual.ce == IPv6Address("2001:db8:0:100:99:f000:0:100")
    assert config.mape.manual.ipv4 == IPv4Address("192.0.2.18")
    assert config.mape.manual.port_set == PortSet(1, 6, 6)
    assert config.wan.interface == "wan0"
    assert (config.mape.tunnel, config.pppoe.interface) == ("mape0", "ppp0")


def test_what_is_left_out_has_the_scripts_values():
    """Without [pppoe] and [firewall] the router offers and uses what the scripts allowed."""
    config = from_text("dualwan.toml", BASE.replace("[pppoe]\ndial = false\n", ""))
    assert config.pppoe == Pppoe("dsl-provider", "ppp0", 100, 100, 1454, dial=True)
    assert [item.service.name for item in config.firewall.inbound] == [
        "ssh",
        "smtp",
        "http",
        "https",
    ]
    assert {item.name for item in config.firewall.outbound} == {
        "ssh",
        "smtp",
        "dns",
        "http",
        "https",
        "ntp",
        "ping",
    }


def test_the_example_file_says_what_holds_anyway(request):
    """Each default that etc/dualwan.toml shows in a comment is the program's own default."""
    text = (request.config.rootpath / "etc" / "dualwan.toml").read_text()
    defaults, by_hand = text.split("# Or by hand"), r"(?ms)^# Or by hand.*?(?=^\[pppoe\])"
    assert len(defaults) == 2
    text = re.sub(by_hand, "", text)
    text = re.sub(r"(?ms)^# Up to six more ways.*?(?=^\[firewall\])", "", text)  # none by default
    text = re.sub(r"(?ms)^# \[zone\.guest\].*?(?=^\[mape\])", "", text)
    spelled_out, found = re.subn(r"(?m)^# (?=[a-z-]+ = )", "", text)
    assert found >= 10
    spelled_out = spelled_out.replace("prefix-from = ", "# prefix-from = ")  # shows an example
    assert from_text("a", text) == from_text("b", spelled_out)


def test_wan_and_lan_may_share_an_interface():
    """Then private networks are the LAN, or those that are given; beside it others as ever."""
    text, _ = changed('["lan0"]', '["wan0", "wg0"]')
    assert from_text("a", text).lan.networks == RFC1918
    text, _ = changed('["lan0"]', '["wan0"]\nnetworks = ["192.168.1.0/24"]')
    assert [str(one) for one in from_text("a", text).lan.networks] == ["192.168.1.0/24"]
    with pytest.raises(ConfigError, match=r"IPv6 of a LAN on the WAN's own interface"):
        from_text("a", text + '[[forward]]\nprotocol = "tcp"\nport = 80\nto = "::5"\n')


def test_probes_go_with_failover():
    """And failover goes without probes: then the line's own default route decides."""
    probed = 'failover = true\nprobe = ["198.51.100.1"]'
    for more, targets in ((probed, ["198.51.100.1"]), ("failover = true", []), ("", [])):
        text, _ = changed('"wan0"', f'"wan0"\n{more}')
        wan = from_text("a", text).wan
        assert wan.failover is bool(more)
        assert [str(one) for one in wan.probe] == targets


def test_which_file_is_used(monkeypatch):
    """--config before DUALWAN_CONFIG before the default."""
    monkeypatch.setenv("DUALWAN_CONFIG", "/b")
    assert str(path_in_use("/a")) == "/a"
    assert str(path_in_use()) == "/b"
    monkeypatch.delenv("DUALWAN_CONFIG")
    assert str(path_in_use()) == "/etc/dualwan/dualwan.toml"


@given(
    st.lists(
        st.one_of(
            st.sampled_from(sorted(KNOWN)),
            st.integers(1, 65535).map("tcp/{}".format),
            st.integers(1, 65535).map("udp/{}".format),
        )
    )
)
def test_services_come_out_as_they_went_in(names):
    """Each service is kept in the order written, and once."""
    written = ", ".join(f'"{name}"' for name in names)
    config = from_text("a", f"{BASE}[firewall]\ninbound = [{written}]\n")
    assert [item.service.name for item in config.firewall.inbound] == list(dict.fromkeys(names))


def test_a_pattern_covers_devices_of_any_number():
    """By the beginning of their names; by whole names the others are listed."""
    text, _ = changed('["lan0"]', '["lan0", "br-*", "wg*"]')
    lan = from_text("a", text).lan
    assert lan.devices == ("lan0",)
    assert all(lan.has(name) for name in ("lan0", "br-0123", "wg0", "wg"))
    assert not any(lan.has(name) for name in ("lan1", "lan00", "br0", "awg0", "docker0"))


def test_the_first_routing_table_is_free():
    """Of those with a low number only 0 is the kernel's."""
    text = BASE.replace("dial = false", "dial = false\ntable = 1")
    assert from_text("f", text).pppoe.table == 1

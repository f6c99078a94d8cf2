"""The files of docs/your-lan at odds with the configuration: each wrong name once, no others."""

import re
from dataclasses import replace

import pytest
from doctor_cases import Doctored
from lan_sets import LAN, OF_LINE, ON_LAN, ON_WAN, PLACES, WAN, around, configuration, texts
from reports import made

from dualwan.findings import AT_EVENTS, LAN_FILES, find
from dualwan.host.around import files
from dualwan.model.lan_files import COPIES, LanFiles, LanLine
from dualwan.model.surroundings import Surroundings

LAN_PREFIX, RA, NDPPD = PLACES["40-lan-prefix"], PLACES["dnsmasq-ra.conf"], PLACES["ndppd.conf"]
NAMES, DHCPCD = PLACES["dnsmasq-lan.conf"], PLACES["dhcpcd.conf"]
WAN_NETWORK, LAN_NETWORK = PLACES["10-wan.network"], PLACES["20-lan.network"]
NO_PREFIX_FROM = ('prefix-from = "enp3s0"', "")


@pytest.fixture(autouse=True)
def _in_place(monkeypatch):
    """Have hooks.d where the package has it."""
    monkeypatch.delenv("DUALWAN_CONFIG", raising=False)


def found(root, name, files, *changes, addresses=None):
    """Return the findings about FILES beside the configuration of a set."""
    seen = around(root, files, OF_LINE[name] if addresses is None else addresses)
    return find(configuration(name, *changes), seen, LAN_FILES)


@pytest.mark.parametrize("addresses", [None, ()], ids=["the prefix there", "no prefix yet"])
@pytest.mark.parametrize("name", OF_LINE)
def test_a_set_is_in_order(tmp_path, name, addresses):
    """With its own configuration, before the line's prefix comes and after."""
    assert found(tmp_path, name, texts(name), addresses=addresses) == ()


@pytest.mark.parametrize("name", OF_LINE)
@pytest.mark.parametrize("lan", ["br-home", "br-*"])
def test_a_set_with_another_name_everywhere_is_in_order(tmp_path, name, lan):
    """Also where the configuration has a pattern that covers it."""
    files = {path: text.replace(LAN, "br-home") for path, text in texts(name).items()}
    there = [one._replace(device=one.device.replace(LAN, "br-home")) for one in OF_LINE[name]]
    changes = [(f'["{LAN}"]', f'["{lan}"]')]
    changes += [] if name == "bare-64" else [(f'from = "{LAN}"', 'from = "br-home"')]
    assert found(tmp_path, name, files, *changes, addresses=there) == ()


@pytest.mark.parametrize("name", OF_LINE)
def test_another_name_of_an_interface_is_a_finding_of_its_own(tmp_path, name):
    """`device-other-name` says what to write into the configuration."""
    seen = replace(around(tmp_path, texts(name)), other_names={"enx1": LAN, "enx2": WAN})
    cfg = configuration(name, (LAN, "enx1"), (WAN, "enx2"))
    assert {one.code for one in find(cfg, seen)} == {"device-other-name"}


WRONG = [
    ("bare-64", RA, "constructor:enp3s0", "lan-other-interface"),
    ("bare-64", RA, "ra-param=enp3s0", "lan-other-interface"),
    ("bare-64", NAMES, "interface=enp3s0", "lan-other-interface"),
    ("bare-64", LAN_PREFIX, "lan=enp3s0", "lan-other-interface"),
    ("bare-64", NDPPD, "proxy enp1s0", "lan-other-line"),
    ("bare-64", NDPPD, "iface enp3s0", "lan-other-interface"),
    ("pd-dhcpcd", DHCPCD, "ia_pd 1 enp3s0", "lan-other-interface"),
    ("pd-dhcpcd", DHCPCD, "interface enp1s0", "lan-other-line"),
    ("pd-dhcpcd", DHCPCD, "allowinterfaces enp1s0", "lan-other-line"),
    ("pd-networkd", LAN_NETWORK, "Name=enp3s0", "lan-other-interface"),
    ("pd-networkd", LAN_NETWORK, "UplinkInterface=enp1s0", "lan-other-line"),
    ("pd-networkd", WAN_NETWORK, "Name=enp1s0", "lan-other-line"),
]


@pytest.mark.parametrize(("name", "path", "old", "code"), WRONG)
def test_each_wrong_name_is_found_once(tmp_path, name, path, old, code):
    """With file and line, the name, and the one to write; the router works all the same."""
    files = texts(name)
    assert files[path].count(old) == 1
    files[path] = files[path].replace(old, re.sub("enp[13]s0", "enp9s9", old))
    (one,) = found(tmp_path, name, files)
    assert (one.code, one.is_notice) == (code, True)
    place, _, seen = one.seen.partition(" ")
    file, _, line = place.rpartition(":")
    assert (file, int(line)) == (path, files[path][: files[path].index("enp9s9")].count("\n") + 1)
    assert "enp9s9" in seen
    assert f"write {LAN if code == 'lan-other-interface' else WAN} there" in one.remedy


def test_a_name_that_is_wrong_twice_in_a_file_is_one_finding(tmp_path):
    """One look into the file mends both."""
    files = {**texts("bare-64"), RA: texts("bare-64")[RA].replace(LAN, "enp9s9")}
    (one,) = found(tmp_path, "bare-64", files)
    assert one.seen == (
        f"{RA}:4 has constructor enp9s9, which is no interface of [lan] or of a zone"
    )
    assert one.remedy == (
        "write enp3s0 there, and run `systemctl restart dnsmasq`; "
        "or take enp9s9 into [lan] or into a zone"
    )


def test_what_is_served_on_the_wan_is_said_to_be_the_wan(tmp_path):
    """Taking it into [lan] is no remedy then."""
    files = {NAMES: f"interface={WAN}\n"}
    (one,) = found(tmp_path, "bare-64", files)
    assert (one.code, one.is_notice) == ("lan-on-wan", True)
    assert one.seen.endswith("which is the WAN")
    assert "[lan]" not in one.remedy


def test_a_device_of_a_way_can_be_none_of_the_lan(tmp_path):
    """To take it into [lan] is no remedy either, and an error of the configuration."""
    (one,) = found(tmp_path, "bare-64", {NAMES: "interface=ppp0\n"})
    assert one.code == "lan-on-wan"
    assert one.seen.endswith("ppp0, which is the device of a way")
    assert "[lan]" not in one.remedy


@pytest.mark.parametrize(
    "files",
    [
        {NAMES: "interface=lo\ninterface=enp*\n"},
        {NDPPD: f"proxy {WAN} {{\n}}\nproxy {LAN} {{\n rule ::/0 {{\n iface {WAN}\n }}\n}}\n"},
        {DHCPCD: "ia_pd 1\n"},
        {DHCPCD: f"interface {WAN}\n ia_pd 1 -\n"},
        {DHCPCD: f"interface enp*\n ia_pd\ninterface wlan0\n ia_pd 2 {LAN}/1\n"},
        {DHCPCD: "allowinterfaces wlan0\ninterface wlan0\n    static routers=192.0.2.1\n"},
        {WAN_NETWORK: f"[Match]\nName={WAN}\n[Network]\nDHCPPrefixDelegation=yes\n"},
        {LAN_NETWORK: "[Match]\nType=ether\n[Network]\nDHCPPrefixDelegation=yes\n"},
        {LAN_NETWORK: "[Match]\nName=en* !enp1s0\n[Network]\nDHCPPrefixDelegation=yes\n"},
        {LAN_NETWORK: "[DHCPPrefixDelegation]\nUplinkInterface=:auto\n"},
    ],
)
def test_what_may_mean_the_right_interface_is_none(tmp_path, files):
    """By a pattern, by any interface, or beside one that is right."""
    assert found(tmp_path, "pd-dhcpcd", files) == ()


def test_the_wan_that_is_of_the_lan_too_is_served(tmp_path):
    """A router with one NIC."""
    one_nic = ('["enp3s0"]', f'["{WAN}"]')
    files = {path: text.replace(LAN, WAN) for path, text in texts("bare-64").items()}
    assert found(tmp_path, "bare-64", files, one_nic, addresses=()) == ()


@pytest.mark.parametrize("name", ["pd-dhcpcd", "pd-networkd"])
def test_a_prefix_on_the_lan_alone_has_to_be_taken_from_there(tmp_path, name):
    """Without `prefix-from` the tunnel waits for one on the WAN for ever."""
    (one,) = found(tmp_path, name, texts(name), NO_PREFIX_FROM)
    assert one.code == "lan-prefix-unused"
    assert one.remedy == 'write prefix-from = "enp3s0" into [mape]'


def test_the_interface_of_a_pattern_is_named(tmp_path):
    """By the file that puts the prefix there."""
    changes = [NO_PREFIX_FROM, ('["enp3s0"]', '["enp3*"]')]
    (one,) = found(tmp_path, "pd-dhcpcd", texts("pd-dhcpcd"), *changes)
    assert one.remedy == 'write prefix-from = "enp3s0" into [mape]'


def test_which_of_all_interfaces_has_the_prefix_is_seen_by_its_address(tmp_path):
    """`ia_pd` alone means each of them."""
    files = {**texts("pd-dhcpcd"), DHCPCD: f"interface {WAN}\n ia_pd\n"}
    (one,) = found(tmp_path, "pd-dhcpcd", files, NO_PREFIX_FROM)
    assert 'prefix-from = "enp3s0"' in one.remedy


@pytest.mark.parametrize("addresses", [(ON_WAN, ON_LAN), (), (ON_WAN,)])
def test_behind_a_home_gateway_prefix_from_is_left_out(tmp_path, addresses):
    """The WAN has a prefix there; while no interface has any, nothing is known."""
    files = texts("pd-dhcpcd")
    assert found(tmp_path, "pd-dhcpcd", files, NO_PREFIX_FROM, addresses=addresses) == ()


def test_a_fixed_softwire_needs_no_prefix(tmp_path):
    """Its ends are in the file."""
    fixed = 'mode = "ipip"\nbr = "2001:db8::1"\nipv4 = "192.0.2.1"\nce = "2001:db8::2"'
    changes = [NO_PREFIX_FROM, ('provider = "auto"', fixed)]
    assert found(tmp_path, "pd-dhcpcd", texts("pd-dhcpcd"), *changes) == ()


TWO = ('["enp3s0"]', '["enp3s0", "enp4s0"]')


@pytest.mark.parametrize(
    ("name", "path"), [("pd-dhcpcd", DHCPCD), ("pd-networkd", LAN_NETWORK)], ids=str
)
def test_prefix_from_is_where_the_client_puts_the_prefix(tmp_path, name, path):
    """Another interface inside has none, unless somebody else gives it one."""
    files = {**texts(name), path: texts(name)[path].replace(LAN, "enp4s0")}
    files[RA] = files[RA].replace(LAN, "enp4s0")
    there = (ON_LAN._replace(device="enp4s0"),)
    (one,) = found(tmp_path, name, files, TWO, addresses=there)
    assert one.code == "lan-prefix-from"
    assert one.seen.startswith(f"{path}:")
    assert "on enp4s0, and prefix-from of [mape] is enp3s0" in one.seen
    assert found(tmp_path, name, files, TWO, addresses=(*there, ON_LAN)) == ()


@pytest.mark.parametrize("name", OF_LINE)
def test_a_prefix_on_the_lan_has_to_be_announced(tmp_path, name):
    """By a file of dnsmasq, radvd or networkd, where one of the former two serves the LAN."""
    files = texts(name)
    del files[RA]
    (one,) = found(tmp_path / "none", name, files)
    assert one.code == "lan-unannounced"
    assert "dhcp-range=::,constructor:enp3s0,ra-stateless" in one.remedy
    for at, (path, text) in enumerate(
        {
            RA: f"dhcp-range=::,constructor:{LAN},ra-only\n",
            "/etc/dnsmasq.conf": "dhcp-range=2001:db8:1::, ra-stateless # a fixed prefix\n",
            "/etc/radvd.conf": f"interface {LAN}\n{{\n  AdvSendAdvert on;\n}};\n",
            "/etc/systemd/network/30.network": f"[Match]\nName={LAN}\n[Network]\nIPv6SendRA=1\n",
            "/etc/corerad/config.toml": "",
            "/etc/dnsmasq.d/more": "conf-dir=/srv/dnsmasq\n",
            "/etc/dnsmasq.d/huge": "#" * (1 << 20) + "#",
        }.items()
    ):
        assert found(tmp_path / str(at), name, {**files, path: text}) == (), path


def test_addresses_by_dhcpv6_are_no_announcement(tmp_path):
    """Hosts have no default route by that alone."""
    files = texts("pd-dhcpcd")
    files[RA] = f"dhcp-range=::100,::1ff,constructor:{LAN}\n"
    assert [one.code for one in found(tmp_path, "pd-dhcpcd", files)] == ["lan-unannounced"]


@pytest.mark.parametrize("addresses", [(), (ON_WAN,)])
def test_nothing_is_to_be_announced_without_a_prefix(tmp_path, addresses):
    """Nor is anything said where nothing of dnsmasq and radvd is set up: another may do it."""
    files = texts("pd-dhcpcd")
    del files[RA]
    assert found(tmp_path, "pd-dhcpcd", files, addresses=addresses) == ()
    del files[NAMES]
    (tmp_path / "2").mkdir()
    assert found(tmp_path / "2", "pd-dhcpcd", files) == ()


def test_the_line_has_to_be_answered_for_hosts_of_the_lan(tmp_path):
    """By the program that the script starts."""
    files = texts("bare-64")
    del files[NDPPD]
    (one,) = found(tmp_path, "bare-64", files)
    assert one.code == "lan-no-proxy"
    assert one.seen.startswith(f"{LAN_PREFIX}:")
    files[LAN_PREFIX] = files[LAN_PREFIX].replace("systemctl restart ndppd", "ndproxy")
    assert found(tmp_path, "bare-64", files) == ()


ODD = LanFiles((LanLine(f"{LAN_PREFIX}:10", "40-lan-prefix", "lan", COPIES, "enx021122334455"),))


@pytest.mark.parametrize("manager", ["dhcpcd", "NetworkManager", "systemd-networkd"])
def test_the_script_is_run_again_by_who_runs_the_wan(manager):
    """To a WAN that ifup does not run, ifdown does nothing."""
    (one,) = find(configuration("bare-64"), Surroundings(lan_files=ODD, managers={WAN: manager}))
    by_ifup = manager == "dhcpcd"
    assert (f"`ifdown {WAN}; ifup {WAN}`" in one.remedy) is by_ifup
    assert ("`dualwan-hook down; dualwan-hook`" in one.remedy) is not by_ifup


def test_no_event_asks():
    """These files are the owner's, and a line does not wait for them."""
    seen = Surroundings(lan_files=ODD)
    cfg = configuration("bare-64")
    assert find(cfg, seen, AT_EVENTS) == ()
    assert [one.code for one in find(cfg, seen)] == ["lan-other-interface"]


def test_a_report_has_them_without_link_addresses():
    """And shows the same at a replay."""
    it = Doctored()
    it.host.around = Surroundings(lan_files=ODD)
    report = made(it)
    (line,) = report["recording"]["surroundings"]["lan_files"]["lines"]
    assert line["device"].startswith("enx")
    assert "enx021122334455" not in str(report)
    assert report["differences"] == []
    assert any(line["device"] in one for one in report["plan"])


def test_check_and_status_name_them(run, machine, monkeypatch):
    """The configuration is in order all the same, and the router works."""
    seen = LanFiles((ODD.lines[0]._replace(device="enp3s0"),))
    monkeypatch.setattr(files, "lan_files", lambda: seen)
    code, out, _ = run("check")
    named = f"{LAN_PREFIX}:10 has lan enp3s0, which is no interface of [lan] or of a zone"
    assert code == 0
    assert out.splitlines()[1].startswith(f"warning: {named}")
    machine.around = Surroundings(lan_files=seen)
    run()
    first, *rest = run("status")[1].splitlines()
    assert first.startswith("works ")
    assert any(named in line for line in rest)

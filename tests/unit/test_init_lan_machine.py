"""`dualwan-hook init --your-lan` on machines with more than a WAN and a LAN of ifupdown."""

from ipaddress import ip_interface

import pytest
from another_root import put
from init_lan import CONFIG, HOME, runner, written

from dualwan.host import managers
from dualwan.host.around import addresses, other_names
from dualwan.model.surroundings import OwnAddress

HEARD = OwnAddress("eth8", ip_interface("2001:db8:0:100::5/64"))
LOCAL = OwnAddress("eth8", ip_interface("fd00::5/64"))
FIXED = '[mape]\nmode = "ipip"\nbr = "2001:db8::1"\nipv4 = "192.0.2.1"\nce = "2001:db8::2"\n'


@pytest.fixture(name="run")
def _run(tmp_path, monkeypatch, capsys):
    """Return a function that runs it on a machine below a folder."""
    return runner(tmp_path, monkeypatch, capsys)


def after(said, words="Next:"):
    """Return the lines that follow WORDS, stripped."""
    return [line.strip() for line in said.partition(words)[2].strip().splitlines()]


def test_scripts_are_beside_the_configuration_of_the_machine(run, monkeypatch):
    """Where DUALWAN_CONFIG has it; in another folder none is run."""
    monkeypatch.setenv("DUALWAN_CONFIG", "/srv/router/dualwan.toml")
    assert run("--your-lan", "bare-64")[0] == 0
    assert "srv/router/hooks.d/40-lan-prefix" in written(run.root)
    assert not (run.root / "etc/dualwan").exists()


def test_a_link_that_leads_nowhere_is_somebodys(run):
    """Before anything is written."""
    put(run.root, {"etc/sysctl.d/README": ""})
    (run.root / "etc/sysctl.d/lan-ra.conf").symlink_to("gone")
    code, _, err = run("--your-lan", "bare-64", "--force")
    assert code != 0
    assert "/etc/sysctl.d/lan-ra.conf: cannot be read" in err
    assert {*written(run.root)} == {"etc/sysctl.d/README"}


def test_what_a_link_leads_to_is_not_replaced(run):
    """It may be the example of the package, which the next version brings back."""
    put(run.root, {"usr/share/doc/ra.conf": "theirs\n", "etc/dnsmasq.d/README": ""})
    link = run.root / "etc/dnsmasq.d/ra.conf"
    link.symlink_to("../../usr/share/doc/ra.conf")
    code, _, err = run("--your-lan", "bare-64", "--force")
    assert code == 2
    assert "as a link to another text: /etc/dnsmasq.d/ra.conf; remove the link" in err
    assert written(run.root)["usr/share/doc/ra.conf"] == "theirs\n"
    link.unlink()
    assert run("--your-lan", "bare-64")[0] == 0


def test_another_name_of_an_interface_is_written_into_no_file(run, monkeypatch):
    """Since Debian 13 most have one, by which dnsmasq and sysctls know nothing."""
    monkeypatch.setattr(other_names, "look", lambda names: dict.fromkeys(names[1:], "enp3s0"))
    code, _, err = run("--your-lan", "bare-64", "--dry-run")
    assert code == 2
    assert f"{run.config}: br0 is only another name of enp3s0" in err
    assert "write enp3s0 in its place" in err


def test_the_place_of_the_copy_is_named(run):
    """It is beside the configuration in use."""
    put(run.root, {"etc/dhcpcd.conf": "mine\n"})
    err = run("--your-lan", "pd-dhcpcd")[2]
    assert f"keeps a copy in {run.config.parent}\n" in err


@pytest.mark.parametrize(
    ("there", "named"), [((HEARD,), False), ((LOCAL,), True), ((), True)], ids=str
)
def test_behind_a_home_gateway_prefix_from_is_left_out(run, monkeypatch, there, named):
    """The WAN has a prefix there, from which MAP-E follows."""
    monkeypatch.setattr(addresses, "look", lambda: (HOME, *there))
    said = run("--your-lan", "pd-dhcpcd", "--dry-run")[1]
    assert ("write prefix-from" in said) is named


def test_a_fixed_softwire_needs_no_prefix(run):
    """Nor a key that says from where."""
    run.config.write_text(CONFIG.replace("[mape]\n", FIXED))
    assert "prefix-from" not in run("--your-lan", "pd-dhcpcd", "--dry-run")[1]


def test_the_rest_of_the_lan_is_named(run):
    """The files are for its first interface; a pattern may mean anything."""
    run.config.write_text(CONFIG.replace('"br0"', '"eth8", "br0", "wlan0"'))
    said = run("--your-lan", "bare-64", "--dry-run")[1]
    assert after(said, "Look at:")[0] == "- no file names wlan0, which is of the LAN too"
    assert said.count("no file names") == 1


def test_of_two_routers_the_hosts_go_by_the_address_that_moves(run):
    """That of the machine alone is gone when the other one takes over."""
    words = "- /etc/dnsmasq.d/lan.conf: write the address that moves"
    assert words not in run("--your-lan", "dns-dhcp", "--dry-run")[1]
    run.config.write_text(CONFIG + "[router]\nredundant = true\n")
    assert words in run("--your-lan", "dns-dhcp", "--dry-run")[1]
    assert words not in run("--your-lan", "bare-64", "--dry-run")[1]


def test_a_script_that_is_told_no_prefix_puts_none_on_the_lan(run):
    """DUALWAN_PREFIX is empty where the configuration gives the whole tunnel."""
    words = "40-lan-prefix is told none"
    assert words not in run("--your-lan", "bare-64", "--dry-run")[1]
    run.config.write_text(CONFIG.replace("[mape]\n", FIXED))
    assert words in run("--your-lan", "bare-64", "--dry-run")[1]
    assert words not in run("--your-lan", "pd-dhcpcd", "--dry-run")[1]


@pytest.mark.parametrize("name", ["bare-64", "pd-dhcpcd", "pd-networkd", "dns-dhcp"])
def test_ipv6_of_a_pair_is_not_that_of_one_router(run, name):
    """A standby forwards nothing, and its dnsmasq would say that it is a router."""
    words = "for a router that is alone"
    assert words not in run("--your-lan", name, "--dry-run")[1]
    run.config.write_text(CONFIG + "[router]\nredundant = true\n")
    assert (words in run("--your-lan", name, "--dry-run")[1]) is (name != "dns-dhcp")


@pytest.mark.parametrize("kind", ["bridge", "vlan", "wlan"])
def test_networkd_has_to_make_what_ifupdown_made(run, kind):
    """With the stanza goes the bridge."""
    put(run.root, {"sys/class/net/br0/uevent": f"DEVTYPE={kind}\nINTERFACE=br0\n"})
    said = run("--your-lan", "pd-networkd", "--dry-run")[1]
    assert ("br0 is no hardware" in said) is (kind != "wlan")
    assert "br0 is no hardware" not in run("--your-lan", "pd-dhcpcd", "--dry-run")[1]


@pytest.mark.parametrize("manager", ["", "dhcpcd", "NetworkManager", "systemd-networkd"])
def test_a_wan_that_ifup_does_not_run_comes_up_otherwise(run, monkeypatch, manager):
    """The script is told of it all the same."""
    monkeypatch.setattr(managers, "manager_of", lambda *_: manager)
    last = after(run("--your-lan", "bare-64")[1])[-1]
    by_ifup = manager in {"", "dhcpcd"}
    assert last == ("ifdown eth8; ifup eth8" if by_ifup else "dualwan-hook down; dualwan-hook")


@pytest.mark.parametrize("first", [True, False])
def test_commands_of_two_sets_are_those_of_the_one_for_ipv6(run, first):
    """It restarts dnsmasq too; whichever is named first."""
    names = ["dns-dhcp", "pd-dhcpcd"] if first else ["pd-dhcpcd", "dns-dhcp"]
    said = run("--your-lan", names[0], "--your-lan", names[1])[1]
    assert after(said) == [
        "rm -f /var/lib/dhcpcd/duid",
        "sysctl -p /etc/sysctl.d/lan-ra.conf",
        "systemctl restart dhcpcd dnsmasq",
        "ifdown eth8; ifup eth8",
    ]

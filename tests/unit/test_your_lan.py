"""docs/your-lan: its configurations are accepted, its pages name its files, and sets agree."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tomli
from machine import derive_line

from dualwan import cli, config
from dualwan.notice.environment import environment
from dualwan.notice.pending import Notice
from dualwan.slices import marks

SETS = Path(__file__).parents[2] / "docs/your-lan"
FILES = sorted(path for path in SETS.glob("*/*") if path.is_file())
PAGES = "\n".join(path.read_text() for path in SETS.glob("*.md"))
WAN, LAN = "enp1s0", "enp3s0"


def by_set(path):
    """Return the name of a test's case."""
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", sorted(SETS.glob("*/dualwan.toml")), ids=by_set)
def test_check_accepts_each_configuration(path, tmp_path, capsys):
    """`dualwan-hook check` says that it is in order."""
    mine = tmp_path / "dualwan.toml"
    shutil.copy(path, mine)
    mine.chmod(0o600)
    assert cli.main(["check", str(mine)]) == 0
    assert capsys.readouterr().out.startswith(f"{mine}: in order")


@pytest.mark.parametrize("path", FILES, ids=by_set)
def test_a_page_leads_to_each_file(path):
    """Who reads the pages finds it, by a link."""
    assert f"({by_set(path)})" in PAGES


@pytest.mark.parametrize("path", FILES, ids=by_set)
def test_each_file_says_where_it_belongs(path):
    """Its first lines name a path in /etc."""
    assert "/etc/" in "\n".join(path.read_text().splitlines()[:4])


@pytest.mark.parametrize(
    ("name", "to"), re.findall(r"^\| \[[^]]+\]\(([^)]+)\) \| `([^`]+)`", PAGES, re.MULTILINE)
)
def test_a_page_and_its_file_agree_on_where_it_belongs(name, to):
    """Who copies by the table, as tests/lab does, puts it where its first lines have it."""
    assert to.rstrip("/") in "\n".join((SETS / name).read_text().splitlines()[:4])


@pytest.mark.parametrize("path", FILES, ids=by_set)
def test_the_interfaces_have_the_same_names_everywhere(path):
    """No set calls them otherwise."""
    assert {*re.findall(r"\b(?:en|eth)[a-z]*\d\w*\b", path.read_text())} <= {WAN, LAN}


@pytest.mark.parametrize("name", ["pd-dhcpcd", "pd-networkd"])
def test_a_delegated_prefix_is_taken_from_the_lan(name, tmp_path):
    """Where the client puts it, and not from the WAN, which has none."""
    text = (SETS / name / "dualwan.toml").read_text()
    assert config.from_text("x", text, tmp_path).prefix_source == LAN


def test_the_services_of_wireguard_are_its_own_port():
    """What the firewall opens is what wg0.conf listens on, by PPPoE and IPv6."""
    port = re.search(
        r"^ListenPort = (\d+)$", (SETS / "wireguard/wg0.conf").read_text(), re.MULTILINE
    )[1]
    inbound = tomli.loads((SETS / "wireguard/dualwan.toml").read_text())["firewall"]["inbound"]
    assert {"service": f"udp/{port}", "via": ["pppoe", "ipv6"]} in inbound


def test_wireguard_answers_by_pppoe():
    """By the mark of that way: by itself it answers a PPP session's callers by MAP-E."""
    text = (SETS / "wireguard/wg0.conf").read_text()
    mark = re.search(r"^FwMark = (0x[0-9a-f]+)$", text, re.MULTILINE)[1]
    cfg = config.from_text("x", (SETS / "wireguard/dualwan.toml").read_text())
    (pppoe,) = (way for way in derive_line(cfg).ways if way.name == "pppoe")
    assert int(mark, 16) == marks.of_way(pppoe)


def test_name_servers_are_asked_by_ipv6_alone():
    """So that names take no port of MAP-E."""
    servers = re.findall(
        r"^server=(.*)$", (SETS / "dns-dhcp/dnsmasq-lan.conf").read_text(), re.MULTILINE
    )
    assert servers
    assert all(":" in one for one in servers)


@pytest.fixture(name="put")
def _put(tmp_path):
    """Return a function that runs 40-lan-prefix; it returns the commands that were given."""
    tools, given = tmp_path / "tools", tmp_path / "given"
    tools.mkdir()
    for name, more in (
        ("ip", f"case $* in link*) test -e {tmp_path}/shown;; *show*) cat {tmp_path}/shown;; esac"),
        ("sleep", f"test $(grep -c sleep {given}) -lt 3 || mv {tmp_path}/later {tmp_path}/shown"),
        ("systemctl", ""),
    ):
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {given}\n{more}\n')
        (tools / name).chmod(0o755)

    def put(event, prefix, *there, way="mape", late=False):
        given.write_text("")
        rows = (f"3: {LAN}    inet6 {one} scope global \\ valid_lft forever\n" for one in there)
        (tmp_path / "shown").unlink(missing_ok=True)
        (tmp_path / ("later" if late else "shown")).write_text("".join(rows))
        environ = environment(Notice(event, way, "mape0", carrier=way, prefix=prefix))
        environ["PATH"] = f"{tools}:{environ['PATH']}"
        script = ["sh", SETS / "bare-64/40-lan-prefix"]
        done = subprocess.run(script, check=False, capture_output=True, text=True, env=environ)
        assert (done.returncode, done.stderr) == (0, "")
        return [line for line in given.read_text().splitlines() if "show" not in line]

    return put


ADDED = f"ip address replace 2001:db8:0:100::1:1/64 dev {LAN} metric 128 nodad"


def test_the_prefix_of_the_line_is_put_on_the_lan(put):
    """With a metric before the kernel's own 256, and ndppd finds the WAN."""
    assert put("up", "2001:db8:0:100::/64") == [ADDED, "systemctl restart ndppd"]
    assert put("change", "2001:db8:0:100::/64", "2001:db8:0:100::1:1/64") == [ADDED]


def test_an_interface_of_the_lan_that_comes_late_is_waited_for(put):
    """A bridge or a VLAN at boot: nothing would run the script once more."""
    there = "2001:db8:0:200::1:1/64"
    given = put("up", "2001:db8:0:100::/64", there, late=True)
    deleted = f"ip address del {there} dev {LAN}"
    assert given == ["sleep 1"] * 3 + [deleted, ADDED, "systemctl restart ndppd"]


def test_the_prefix_before_goes_and_addresses_of_others_stay(put):
    """It is known by the lower half of the address."""
    there = ("2001:db8:0:200::1:1/64", "fd00::1/64", "2001:db8:0:200::5/64")
    assert put("address", "2001:db8:0:100::/64", *there) == [
        f"ip address del 2001:db8:0:200::1:1/64 dev {LAN}",
        ADDED,
        "systemctl restart ndppd",
    ]


def test_ndppd_runs_while_the_wan_is_up(put):
    """It is not there to try to read from a WAN that is down; PPPoE is none of its business."""
    assert put("down", "") == ["systemctl stop ndppd"]
    assert put("down", "", way="pppoe") == []
    assert put("back", "2001:db8:0:100::/64", way="pppoe") == [ADDED]


def test_a_further_way_does_not_stop_ndppd(put):
    """One that is taken out of the configuration is down for good; nothing would start it again."""
    there = "2001:db8:0:100::1:1/64"
    for event in ("up", "address", "down", "back"):
        assert put(event, "2001:db8:0:100::/64", there, way="office") == [ADDED]


@pytest.mark.parametrize("prefix", ["", "2001:db8::/56"])
def test_nothing_is_done_without_a_64(put, prefix):
    """MAP-E does not follow from a prefix, or there is more than one /64."""
    assert put("up", prefix) == []

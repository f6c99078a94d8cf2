"""The reader of the files that docs/your-lan has: odd files say nothing, and raise nothing."""

import os
import subprocess
import sys

import pytest
from another_root import put
from lan_sets import LAN, OF_LINE, PLACES, WAN, texts

from dualwan.host import surroundings
from dualwan.host.around import files, lan_files
from dualwan.model.lan_files import (
    ANNOUNCES,
    ANY,
    COPIES,
    DELEGATES,
    FACES,
    SERVES,
    LanFiles,
    LanLine,
)

RA = PLACES["dnsmasq-ra.conf"]


@pytest.fixture(autouse=True)
def _in_place(monkeypatch):
    """Have hooks.d where the package has it."""
    monkeypatch.delenv("DUALWAN_CONFIG", raising=False)


def brief(found):
    """Return the lines as (word, what is done, device)."""
    return [(line.word, line.does, line.device) for line in found.lines]


EXPECTED = {
    "bare-64": [
        ("interface", SERVES, LAN),
        ("constructor", ANNOUNCES, LAN),
        ("ra-param", SERVES, LAN),
        ("proxy", FACES, WAN),
        ("iface", SERVES, LAN),
        ("lan", COPIES, LAN),
    ],
    "pd-dhcpcd": [
        ("interface", SERVES, LAN),
        ("constructor", ANNOUNCES, LAN),
        ("ra-param", SERVES, LAN),
        ("ia_pd", DELEGATES, LAN),
        ("interface", FACES, WAN),
        ("allowinterfaces", FACES, WAN),
        ("allowinterfaces", FACES, LAN),
    ],
    "pd-networkd": [
        ("interface", SERVES, LAN),
        ("constructor", ANNOUNCES, LAN),
        ("ra-param", SERVES, LAN),
        ("Name", FACES, WAN),
        ("Name", DELEGATES, LAN),
        ("UplinkInterface", FACES, WAN),
    ],
}


@pytest.mark.parametrize("name", OF_LINE)
def test_what_a_set_says(tmp_path, name):
    """Each line that names an interface, with what is done there; each is in its file."""
    found = lan_files.look(put(tmp_path, texts(name)))
    assert brief(found) == EXPECTED[name]
    assert (found.whole, found.unproxied) == (True, "")
    for line in found.lines:
        file, _, number = line.place.rpartition(":")
        assert line.device in texts(name)[file].splitlines()[int(number) - 1]


def test_a_machine_without_any_says_nothing(tmp_path):
    """Nor does one whose files have only comments."""
    assert lan_files.look(tmp_path) == LanFiles()
    files = {
        path: "".join(f"# {line}\n" for line in text.splitlines())
        for path, text in (texts("bare-64") | texts("pd-dhcpcd") | texts("pd-networkd")).items()
    }
    assert lan_files.look(put(tmp_path, files)) == LanFiles()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" interface = eth0 , br* # both\n", [("interface", SERVES, "eth0"), (..., ..., "br*")]),
        ('interface="eth0"\n', [("interface", SERVES, "eth0")]),
        ("interface=\ninterface\ninterface=eth0:1\ninterface=a name\n", []),
        ("interface-name=here,eth0\nexcept-interface=eth0\n", []),
        ("ra-param=*,60\nra-param\n", [("ra-param", SERVES, "*")]),
        ("dhcp-range=192.0.2.9,192.0.2.99,1h\n", []),
        ("dhcp-range=set:x,::1,::9,constructor:eth0,slaac\n", [("constructor", ANNOUNCES, "eth0")]),
        ("dhcp-range=::,constructor:eth0\n", [("constructor", SERVES, "eth0")]),
        ("dhcp-range=fd00:1:2:3::9,ra-only\n", [("constructor", ANNOUNCES, ANY)]),
        ("dhcp-range=::,constructor:\ndhcp-range\n", []),
        ("interface=" + "x" * 16 + "\n", []),
        ("\0\xff\r\ninterface=eth0\r\n", [("interface", SERVES, "eth0")]),
    ],
)
def test_lines_of_dnsmasq(tmp_path, text, expected):
    """Lists, patterns, comments and quotes as it takes them; what is no name is none."""
    found = brief(lan_files.look(put(tmp_path, {RA: text})))
    assert [one[-1] for one in found] == [one[-1] for one in expected]
    assert all(one == other for one, other in zip(found, expected, strict=True) if ... not in other)


def test_files_that_dnsmasq_skips_are_skipped(tmp_path):
    """Those of editors and of dpkg, and folders; any other name is read."""
    skipped = [".ra.conf.swp", "ra.conf~", "#ra.conf#", *(f"ra.dpkg-{x}" for x in ("dist", "old"))]
    for name in (*skipped, "README", "sub/ra.conf"):
        put(tmp_path, {f"/etc/dnsmasq.d/{name}": f"interface={LAN}\n"})
    (line,) = lan_files.look(tmp_path).lines
    assert line == LanLine("/etc/dnsmasq.d/README:1", "dnsmasq", "interface", SERVES, LAN)


def test_one_file_of_dnsmasq_turns_announcements_on_for_all(tmp_path):
    """In whatever order they are read."""
    files = {"/etc/dnsmasq.d/a": f"dhcp-range=::,constructor:{LAN}\n", "/etc/dnsmasq.d/b": ""}
    assert brief(lan_files.look(put(tmp_path, files)))[0][1] == SERVES
    files["/etc/dnsmasq.d/b"] = "enable-ra\n"
    assert brief(lan_files.look(put(tmp_path, files)))[0][1] == ANNOUNCES


def test_blocks_of_dhcpcd(tmp_path):
    """An option is of the block above it; before the first one it is of each interface."""
    text = """\
allowinterfaces eth0,lan*
interface eth5
allowinterfaces eth5
static ip_address=192.0.2.1/24
interface eth0 # the line
  ia_pd 1/::/60 lan0/0/64 lan1/1
  ia_pd 2 - lan2
ssid home
ia_pd 3
; ia_pd 4 lan4
interface
ia_pd
"""
    found = brief(lan_files.look(put(tmp_path, {"/etc/dhcpcd.conf": text})))
    assert [one[2] for one in found if one[1] == DELEGATES] == ["lan0", "lan1", "lan2", ANY, ANY]
    assert [one for one in found if one[1] == FACES] == [
        ("interface", FACES, "eth0"),
        ("ssid", FACES, ANY),
        ("interface", FACES, ANY),
        ("allowinterfaces", FACES, "eth0"),
        ("allowinterfaces", FACES, "lan*"),
    ]


def test_a_dhcpcd_that_asks_for_no_prefix_says_nothing(tmp_path):
    """It may be the client of another network, or a file that came with the package."""
    text = "allowinterfaces eth5\ninterface eth5\nduid\n"
    assert lan_files.look(put(tmp_path, {"/etc/dhcpcd.conf": text})) == LanFiles()


def test_files_that_add_to_one_of_networkd(tmp_path):
    """The last value holds, but names are added; a file of another kind is none."""
    path = "/etc/systemd/network/20-lan.network"
    files = {
        path: "[Match]\nName=a0 a*\nName=b?\n[Network]\nDHCPPrefixDelegation=no\n",
        f"{path}.d/pd.conf": "[Network]\nDHCPPrefixDelegation = True\nbroken\n[\n=\n",
        f"{path}.d/note.txt": "[Network]\nIPv6SendRA=yes\n",
        "/etc/systemd/network/20-lan.netdev": "[Match]\nName=c0\n[Network]\nIPv6SendRA=yes\n",
    }
    found = brief(lan_files.look(put(tmp_path, files)))
    assert found == [("Name", DELEGATES, one) for one in ("a0", "a*", ANY)]


def test_networkd_takes_any_name_of_a_device(tmp_path, monkeypatch):
    """A name that udev has added is the same device."""
    monkeypatch.setattr(
        lan_files.other_names, "look", lambda names: {"enx1": LAN} if "enx1" in names else {}
    )
    path = "/etc/systemd/network/20-lan.network"
    text = texts("pd-networkd")[path].replace(LAN, "enx1").replace(WAN, "enx1")
    found = lan_files.look(put(tmp_path, {path: text}))
    assert {line.device for line in found.lines} == {LAN}


def test_comments_of_ndppd(tmp_path):
    """Of both kinds."""
    text = f"# proxy a0 {{\n// proxy a1 {{\nproxy {WAN} {{ // iface a2\n}}\n"
    found = brief(lan_files.look(put(tmp_path, {"/etc/ndppd.conf": text})))
    assert found == [("proxy", FACES, WAN)]


def test_files_that_cannot_be_read_are_not_all(tmp_path):
    """A fifo does not hold the reader up, a folder is no file, a link may lead to itself."""
    put(tmp_path, {RA: f"interface={LAN}\n"})
    os.mkfifo(tmp_path / "etc/dnsmasq.d/fifo")
    found = lan_files.look(tmp_path)
    assert (brief(found), found.whole) == ([("interface", SERVES, LAN)], False)
    (tmp_path / "etc/dhcpcd.conf").mkdir()
    (tmp_path / "etc/ndppd.conf").symlink_to("ndppd.conf")
    (tmp_path / "etc/radvd.conf").symlink_to("/dev/null")
    (tmp_path / "etc/systemd").write_text("")
    assert lan_files.look(tmp_path).lines == found.lines


def test_names_that_cannot_be_shown_are_left_out(tmp_path):
    """Such as one with a line feed, or in another encoding."""
    folder = tmp_path / "etc/dnsmasq.d"
    folder.mkdir(parents=True)
    for name in ("a\nb", b"\xff".decode("utf-8", "surrogateescape")):
        (folder / name).write_text(f"interface={LAN}\n")
    assert lan_files.look(tmp_path) == LanFiles(whole=False)


def test_long_files_are_read_to_a_bound(tmp_path):
    """One of a MiB; of many together so much that `check` does not wait for them."""
    names = "address=/ads.example/\n" * 50000
    put(tmp_path, {"/etc/dnsmasq.d/ads": f"interface={LAN}\n{names}interface=late0\n"})
    found = lan_files.look(tmp_path)
    assert (brief(found), found.whole) == ([("interface", SERVES, LAN)], False)
    for number in range(9):
        put(tmp_path, {f"/etc/dnsmasq.d/b{number}": names})
    put(tmp_path, {"/etc/dnsmasq.d/c": "interface=late0\n"})
    assert brief(lan_files.look(tmp_path)) == brief(found)


def test_lines_are_read_to_a_bound(tmp_path):
    """As many as no owner has, and no more."""
    put(tmp_path, {RA: f"interface={LAN}\n" * 50000, "/etc/radvd.conf": f"interface {LAN}\n"})
    found = lan_files.look(tmp_path)
    assert (len(found.lines), found.whole) == (lan_files.MAX_LINES, False)
    assert found.lines[-1].place == f"{RA}:{lan_files.MAX_LINES}"


def test_an_event_does_not_read_them(tmp_path):
    """What it costs is paid by the commands of a person."""
    put(tmp_path, texts("bare-64"))
    assert surroundings.look(tmp_path, at_event=True).lan_files == LanFiles()
    assert surroundings.look(tmp_path).lan_files.lines


@pytest.mark.parametrize("path", [*PLACES.values(), "/etc/dnsmasq.conf", "/etc/radvd.conf"])
def test_each_file_alone_has_the_reader_loaded(tmp_path, path, monkeypatch):
    """And without any it is not."""
    monkeypatch.setattr(lan_files, "look", lambda _: "read")
    (tmp_path / "etc/systemd/network").mkdir(parents=True)
    assert files.lan_files(tmp_path) == LanFiles()
    assert files.lan_files(put(tmp_path, {path: ""})) == "read"


def test_an_event_does_not_load_the_reader():
    """Neither by what it looks around with, nor by the finders that it asks."""
    code = (
        "import sys\n"
        "from dualwan.findings import AT_EVENTS, finder\n"
        "from dualwan.host import surroundings\n"
        "surroundings.look(at_event=True)\n"
        "for one in AT_EVENTS: finder(*one)\n"
        "print([name for name in sys.modules if name.endswith('.lan_files')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "['dualwan.model.lan_files']\n"

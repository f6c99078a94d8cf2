"""docs/examples.md: each configuration is accepted, and its other files go with it."""

import re
from pathlib import Path

import pytest

from dualwan import cli, config
from dualwan.host.remote import update_call
from dualwan.line import derive_line
from dualwan.report import policy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/examples.md"
_BLOCK = re.compile(r"^    # (/etc/\S+)\n((?:    .*\n|\n)+)", re.MULTILINE)
_HEADING = re.compile(r"^##+ (.*)$", re.MULTILINE)


def blocks():
    """Return each file of the page: the heading above it, its place and its text."""
    text, found = PAGE.read_text(), []
    for block in _BLOCK.finditer(text):
        heading = _HEADING.findall(text[: block.start()])[-1]
        found.append((heading, block[1], re.sub("^    ", "", block[2], flags=re.MULTILINE)))
    return found


def of(place):
    """Return the files that belong to ``place``, each below its heading."""
    return {heading: text for heading, where, text in blocks() if where == place}


CONFIGURATIONS = of("/etc/dualwan/dualwan.toml")
each = pytest.mark.parametrize("heading", CONFIGURATIONS)


def parsed(heading, tmp_path):
    """Return the configuration below ``heading``."""
    return config.from_text("dualwan.toml", CONFIGURATIONS[heading], tmp_path / "rules.d")


def rows(cfg):
    """Return the rows of the policy of ``cfg``, each as one text."""
    return [" | ".join(row) for row in policy.rows(cfg, derive_line(cfg).ways)]


def test_each_section_has_a_configuration():
    """Guests, a block in two ways, a fixed address in two ways, and two sessions."""
    headings = _HEADING.findall(PAGE.read_text())
    assert list(CONFIGURATIONS) == headings


@each
def test_check_accepts_it(heading, tmp_path, capsys):
    """`dualwan-hook check` says that it is in order."""
    path = tmp_path / "dualwan.toml"
    path.write_text(CONFIGURATIONS[heading])
    path.chmod(0o600)
    assert cli.main(["check", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: in order")


def test_guests_reach_the_internet_and_no_more(tmp_path):
    """Neither the LAN nor a service of the router but DHCP, DNS and ping."""
    mine = [row for row in rows(parsed("Guests", tmp_path)) if row.startswith("zone guest |")]
    accepted = [row.split(" | ")[1] for row in mine if row.endswith("accepted")]
    assert accepted[:2] == ["router", "zone guest"]
    assert all(one.startswith("internet by ") for one in accepted[2:])
    assert mine[-1] == "zone guest | anywhere | all else | dropped"


@pytest.mark.parametrize("heading", ["A block of addresses by PPPoE", "Without a third interface"])
def test_the_block_is_open_where_the_page_says(heading, tmp_path):
    """Ping to all, two services of two servers, and nothing of the router but ident's reset."""
    by_pppoe = [
        row for row in rows(parsed(heading, tmp_path)) if row.startswith("internet by PPPoE")
    ]
    router = "internet by PPPoE | router | ident (tcp/113) | refused with a reset"
    assert by_pppoe[0] == router
    assert any("198.51.100.10" in row and "https" in row for row in by_pppoe)
    assert any("198.51.100.11" in row and "smtp" in row for row in by_pppoe)
    assert not any("| router |" in row for row in by_pppoe[1:])


def test_the_fixed_address_stands_in_for_map_e(tmp_path):
    """It has services and the forward, and the LAN while MAP-E does not work."""
    found = rows(parsed("A fixed address and no PPPoE", tmp_path))
    assert any(row.startswith("internet by fixed | 192.168.1.5") for row in found)
    assert any("while MAP-E does not work" in row and "fixed (fixed0)" in row for row in found)


def test_two_sessions_have_a_server_each(tmp_path):
    """On the same port; ssh is open on the second one alone."""
    found = rows(parsed("Two PPPoE sessions", tmp_path))
    for start in ("internet by PPPoE | 192.168.1.5", "internet by second | 192.168.1.6"):
        assert any(row.startswith(start) for row in found)
    assert [row.split(" | ")[0] for row in found if " ssh" in row and "| router |" in row] == [
        "internet by second, 192.0.2.0/24"
    ]


def test_the_update_file_is_read(tmp_path):
    """With the keys that dualwan.toml(5) names."""
    (text,) = of("/etc/dualwan/update").values()
    path = tmp_path / "update"
    path.write_text(text)
    path.chmod(0o600)
    assert update_call.read(path).url == "https://update.example.jp/request"


def test_the_second_peer_is_as_the_first():
    """The example of the package, but for its user, and with the unit of its interface."""
    (peer,) = of("/etc/ppp/peers/second-provider").values()
    first = (ROOT / "packaging/examples/dsl-provider").read_text()
    options = [
        {line for line in text.splitlines() if line and not line.startswith(("#", "user "))}
        for text in (first, peer)
    ]
    assert options[1] - options[0] == {"unit 1"}
    assert options[0] - options[1] == set()
    assert 'interface = "ppp1"' in CONFIGURATIONS["Two PPPoE sessions"]


def test_interfaces_have_the_names_of_your_lan():
    """WAN and LAN are called as there; the third one is the page's own."""
    names = set(re.findall(r"\ben[a-z]*\d\w*\b", PAGE.read_text()))
    assert names == {"enp1s0", "enp3s0", "enp4s0"}

"""hooks/close beside zones and further ways: their devices are none of the LAN."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine import BASE
from test_close import TABLE, WRONG, close

TEXT = (
    BASE
    + """\
[way.second]
type = "pppoe"
peer = "second"
interface = "flets2"
[way.fixed]
type = "ipip"
tunnel = "ipip0"
[way.other]
type = "ds-lite"
[zone.guests]
interfaces = ["guest0", "br-*"]
zones = ["lan0"]
[zone.dmz]
interfaces = [
    "dmz0",  # servers
    'dmz1',
]
services = ["dns"]
[[policy]]
interface = "lan0"
"""
)
DEVICES = {"flets2", "ipip0", "guest0", "br-*", "dmz0", "dmz1", "other0"}


@pytest.mark.parametrize("fault", WRONG)
@pytest.mark.parametrize("interface", ["", "wan0"])
def test_what_is_not_trusted_is_shut_out_too(fault, interface):
    """Guests reached the router and the LAN, and so did the internet by a further tunnel."""
    text = WRONG[fault](TEXT)
    names, _ = close.outside(interface, [text, TEXT if fault == "cut off" else ""])
    assert {*names} >= DEVICES | {"wan0", "mape0", "ppp0"}
    assert names[0] == "wan0"
    assert "lan0" not in names


def test_a_configuration_of_toml_is_read_as_such():
    """Whatever way a table is written."""
    text = (
        'wan.interface = "wan0"\nzone = { guests = { interfaces = ["guest0"] } }\n'
        'way.fixed.tunnel = "ipip0"\n'
    )
    for broken in ("", "["):
        assert {*close.outside("", [text + broken, ""])[0]} >= {"wan0", "ipip0"}
    assert "guest0" in close.outside("", [text, ""])[0]


def test_a_device_of_the_lan_stays_one():
    """Also where a word of a zone is its name."""
    text = BASE.replace("lan0", "lan") + '[zone.guests]\ninterfaces = ["guest0"\nzones = ["lan"]\n'
    assert close.outside("", [text, ""])[0] == ["wan0", "mape0", "ppp0", "guest0"]


def test_a_pattern_that_covers_the_lan_shuts_it_out_not():
    """Which is refused, and may be why the configuration cannot be used: the LAN is to reach us."""
    text = BASE + '[zone.guests]\ninterfaces = ["la*", "guest*"]\n'
    for fault in WRONG:
        names, _ = close.outside("", [WRONG[fault](text), text])
        assert "guest*" in names
        assert "la*" not in names
    several = text.replace('"lan0"', '"dmz0", "lan0"')
    assert "la*" not in close.outside("", [several, ""])[0]


@given(text=st.text(alphabet='[]zonewy.guests="\n #{}interfaces*,'))
def test_no_text_is_too_odd(text):
    """Nothing but names and patterns comes of it."""
    for names in (close.outside("", [f"{BASE}{text}", ""]), close.outside("", [text, BASE])):
        assert all(close._NAME.fullmatch(one) or one.endswith("*") for one in names[0])  # noqa: SLF001 - a name by its own word


def test_nft_takes_the_table_with_patterns():
    """As a text, without a kernel's word on it."""
    names, shared = close.outside("", [TEXT, ""])
    text = close.table(TABLE.read_text(), names, shared)
    assert '"br-*"' in text
    done = subprocess.run(
        ["unshare", "--net", "/usr/sbin/nft", "--check", "--file", "-"],
        input=text,
        check=False,
        capture_output=True,
        text=True,
    )
    if "unshare" in done.stderr:
        pytest.skip("needs root")
    assert (done.returncode, done.stderr) == (0, "")

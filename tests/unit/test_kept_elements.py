"""The elements of nft sets that a trial keeps: nothing but elements of our tables goes to nft."""

import json
from types import SimpleNamespace

import pytest

from dualwan.host import answers, trials
from dualwan.host.kernel_trial import KernelTrial
from dualwan.slices.snat.names import HELD_ZONE

KEPT = ["ip", "dualwan_snat", "refused", ["192.168.1.2 counter packets 3 bytes 180"]]
ELEMENTS = 3  # their place
LISTED = """\
table ip dualwan_snat {
\tset refused {
\t\ttype ipv4_addr
\t\tflags dynamic
\t\telements = { 192.168.1.9 }
\t}
\tset tcp_zone_guest-lan {
\t\tflags dynamic
\t}
}
"""


@pytest.fixture(name="asked")
def _asked(tmp_path, monkeypatch):
    """Return what nft is asked, in a folder of its own in place of /var/lib/dualwan."""
    monkeypatch.setenv("DUALWAN_STATE", str(tmp_path / "kept"))
    asked = []

    def cmd(command):
        asked.append(command)
        return 0, LISTED if command.startswith("list") else "", ""

    made = SimpleNamespace(cmd=cmd, set_numeric_proto_output=bool)
    monkeypatch.setitem(
        __import__("sys").modules, "nftables", SimpleNamespace(Nftables=lambda: made)
    )
    return asked


def put_back(*kept):
    """Put back what is kept; return how much was refused."""
    answers.write(trials.ELEMENTS, json.dumps(kept))
    return KernelTrial().put_back_elements()


def test_what_is_missing_is_added(asked):
    """As nft listed it, with its times and counts; sets of IPv6 and maps likewise."""
    more = ["2001:db8::7 timeout 1h expires 59m4s992ms", "198.51.100.8 . 22 : 5", '"lan0" . 1-9']
    assert put_back([*KEPT[:3], [*KEPT[3], *more]]) == 0
    assert asked == [
        "list table ip dualwan_snat",
        f"add element ip dualwan_snat refused {{ {', '.join([*KEPT[3], *more])} }}",
    ]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "ip; delete table ip filter"),
        (0, "netdev"),
        (1, "dualwan_snat; flush ruleset"),
        (1, ""),
        (2, "refused { 1 } ; flush ruleset"),
        (2, "two words"),
        (3, ["192.168.1.2 }; flush ruleset; add element ip x y { 1"]),
        (3, ["192.168.1.2\nflush ruleset"]),
        (3, ["192.168.1.2 # "]),
        (3, ["192.168.1.2, 192.168.1.3"]),
        (3, [5]),
        (3, [""]),
        (3, {"192.168.1.2;": 1}),
    ],
)
def test_what_no_listing_says_is_not_given_to_nft(asked, place, value):
    """A file with other content than this program writes there does nothing to what is not ours."""
    odd = [*KEPT[:place], value, *KEPT[place + 1 :]]
    assert put_back(odd) == (place == ELEMENTS)  # an element is counted as one that was refused
    assert asked == []


def test_an_element_that_nft_is_not_told_of_keeps_no_other_back(asked):
    """A device may have a name that no rule of ours can have."""
    odd = ['"tap+7" counter packets 1 bytes 60', '"wg@home"']
    assert put_back([*KEPT[:3], odd], KEPT) == 1
    assert asked[-2:] == [
        'add element ip dualwan_snat refused { "wg@home" }',
        f"add element ip dualwan_snat refused {{ {KEPT[3][0]} }}",
    ]


def test_the_sets_of_a_zone_are_put_back(asked):
    """Whatever the zone's name is, which their names end with."""
    name = HELD_ZONE.format("tcp", "guest-lan")
    assert put_back([*KEPT[:2], name, ["198.51.100.1 . 443"]]) == 0
    assert asked[-1] == f"add element ip dualwan_snat {name} {{ 198.51.100.1 . 443 }}"

"""A WAN that is a bridge, and br_netfilter."""

import pytest
from machine import config

from dualwan.errors import KernelError
from dualwan.findings import find
from dualwan.host import sysctl
from dualwan.host.around import bridges
from dualwan.host.netlink import Netlink
from dualwan.model.observed import Link
from dualwan.model.surroundings import Surroundings


def test_the_wan_is_named():
    """With both sysctls; another device is no matter."""
    (found,) = find(config(), Surroundings(bridges=("wan0",)))
    assert found.code == "bridge-filtered"
    assert found.seen.startswith("wan0 (wan.interface) is a bridge")
    assert find(config(), Surroundings(bridges=("br0",))) == ()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ({"a": "1", "b": "0"}, "bridge", ("wan0",)),
        ({"a": "0", "b": "0"}, "bridge", ()),
        ({}, "bridge", ()),
        ({"a": "1"}, "", ()),
        ({"a": "1"}, None, ()),
    ],
)
def test_a_bridge_is_looked_for_where_netfilter_sees_frames(monkeypatch, values, kind, expected):
    """By the kind of the link; without br_netfilter there are no such sysctls."""

    def look(_netlink, names):
        if kind is None:
            raise KernelError("no")
        return {name: Link(1, True, kind) for name in names}, [], []

    monkeypatch.setattr(sysctl, "read", lambda _names: values)
    monkeypatch.setattr(Netlink, "look", look)
    assert bridges.filtered("wan0") == expected

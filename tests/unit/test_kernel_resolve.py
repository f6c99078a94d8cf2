"""DS-Lite's other end by name, as the real host looks it up."""

import pytest

from dualwan.errors import RemoteError
from dualwan.host.kernel import KernelHost
from dualwan.host.remote import resolver

ENDS = ["2001:db8:ffff::64", "2001:db8:ffff::65", "2001:db8:fff0::64"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_several_ends_it_is_the_same_each_time(monkeypatch, order):
    """Whatever order the name server has them in: the tunnel does not move with each answer."""
    asked = []
    monkeypatch.setattr(resolver, "resolvers", lambda: ("2001:db8::53",))
    monkeypatch.setattr(
        resolver,
        "addresses",
        lambda name, servers, deadline: (
            asked.append((name, servers, 0 < deadline.left() <= 5)) or [ENDS[at] for at in order]
        ),
    )
    assert KernelHost().resolve("gw.example.jp", "wan0") == "2001:db8:fff0::64"
    assert asked == [("gw.example.jp", ("2001:db8::53",), True)]


def test_a_name_without_an_answer_is_told(monkeypatch):
    """In the resolver's own words."""

    def fail(*_):
        raise RemoteError("gw.example.jp: no name server answers")

    monkeypatch.setattr(resolver, "addresses", fail)
    with pytest.raises(RemoteError, match=r"^gw\.example\.jp: no name server answers$"):
        KernelHost().resolve("gw.example.jp", "wan0")

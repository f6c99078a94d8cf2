"""Where chains of other programs come from: nft's listing, and iptables where it knows more."""

from types import SimpleNamespace

import pytest

from dualwan.errors import HostError
from dualwan.host import nft_names, program, xtables
from dualwan.host.around import chains
from dualwan.host.nft import Nft

LISTED = {
    "list chains": [
        ("ip", "filter", "FORWARD", "forward"),
        ("ip", "filter", "theirs", ""),
        ("inet", "dualwan_firewall", "input", "input"),
        ("bridge", "b", "c", "forward"),
        ("ip", "no hook", "c", ""),
        ("ip", "x; flush ruleset", "c", "forward"),
        ("netdev", "n", "c", "ingress"),
    ],
    "list table ip filter": [("ip", "filter", "FORWARD", "forward")],
    "list table netdev n": [("netdev", "n", "c", "ingress")],
}


SAVED = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n"


@pytest.fixture(name="kernel")
def _kernel(monkeypatch):
    """Return a machine with these tables, and what was asked of it."""
    kernel = SimpleNamespace(asked=[], xt=False, legacy=(), saves={}, names={"filter", "n"})

    def objects(command):
        kernel.asked.append(command)
        rule = {"family": "ip", "table": "filter", "chain": "FORWARD", "expr": [{"xt": {}}]}
        return [
            {"chain": {"family": a, "table": b, "name": c, **({"hook": d} if d else {})}}
            for a, b, c, d in LISTED.get(command, ())
        ] + ([{"rule": rule}] if kernel.xt and command == "list table ip filter" else [])

    def output(argv):
        kernel.asked.append(" ".join(argv))
        if argv[0] not in kernel.saves:
            raise HostError(f"{argv[0]} is not installed")
        return kernel.saves[argv[0]]

    monkeypatch.setattr(Nft, "objects", staticmethod(objects))
    monkeypatch.setattr(
        Nft, "text", lambda _, command: kernel.asked.append(f"text {command}") or ""
    )
    monkeypatch.setattr(program, "output", output)
    monkeypatch.setattr(xtables, "tables", lambda: kernel.legacy)
    monkeypatch.setattr(nft_names, "names", lambda: frozenset(kernel.names))
    return kernel


def test_tables_of_others_are_read_whole_and_ours_are_not(kernel):
    """One listing each, of a table with a base chain and a name that nft takes."""
    assert [(one.table, one.name) for one in chains.look()] == [
        ("nft table ip filter", "FORWARD"),
        ("nft table netdev n", "c"),
    ]
    assert kernel.asked == [
        "list chains",
        "list table ip filter",
        "list table netdev n",
        "text list table netdev n",
    ]


@pytest.mark.parametrize("names", [(), ("dualwan_firewall", "dualwan_snat")])
def test_nft_is_not_asked_where_there_are_no_tables_of_others(kernel, names):
    """It would read all of ours; what has no table has no chain."""
    kernel.names = names
    assert chains.look() == ()
    assert kernel.asked == []


@pytest.mark.usefixtures("kernel")
def test_nft_is_asked_where_the_names_of_tables_cannot_be_had(monkeypatch):
    """It may know better, or says that it may not look either."""

    def refused():
        raise OSError("no netlink")

    monkeypatch.setattr(nft_names, "names", refused)
    assert len(chains.look()) == 2


def test_iptables_is_asked_for_its_matches(kernel):
    """Where nft lists a match by name alone; without the program the match is open."""
    kernel.xt = True
    assert chains.look()[0].rules == ()  # an open match and no verdict says nothing
    kernel.saves = {"iptables-nft-save": (0, SAVED, "")}
    assert chains.look()[0].text.startswith("iptables-nft table filter, chain FORWARD")
    for broken in ((1, SAVED, "no"), (0, SAVED.replace("FORWARD D", "X D") + "-A F -j DROP\n", "")):
        kernel.saves = {"iptables-nft-save": broken}
        assert chains.look()[0].table == "nft table ip filter"


@pytest.mark.parametrize(
    "listing",
    [
        [{"rule": {"family": "ip", "table": "filter", "chain": "gone", "expr": []}}],
        [{"chain": {"family": "ip"}}],
        [
            {"chain": {"family": "ip", "table": "filter", "name": "c"}},
            {"rule": {"family": "ip", "table": "filter", "chain": "c", "expr": [{"match": 7}]}},
        ],
    ],
)
def test_a_listing_that_is_not_understood_is_left_out(kernel, monkeypatch, listing):
    """The other tables are read, and status goes on."""
    objects = Nft.objects
    monkeypatch.setattr(
        Nft,
        "objects",
        staticmethod(lambda it: listing if it == "list table ip filter" else objects(it)),
    )
    assert [one.table for one in chains.look()] == ["nft table netdev n"]
    assert "list table netdev n" in kernel.asked


def test_legacy_tables_are_read_where_there_are_any(kernel):
    """Of the kinds that filter or translate."""
    kernel.legacy = ("iptables-legacy filter", "ip6tables-legacy broute")
    kernel.saves = {"iptables-legacy-save": (0, SAVED, "")}
    assert chains.look()[-1].table == "iptables-legacy table filter"
    assert kernel.asked[-1] == "iptables-legacy-save -t filter"

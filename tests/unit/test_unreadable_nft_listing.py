"""Listings of nft that this program cannot read: chains of others are left out, never guessed."""

import os
import sys
from types import SimpleNamespace

import pytest

from dualwan.errors import KernelError
from dualwan.host.around import chains
from dualwan.host.nft import Nft
from dualwan.nft.foreign import listed

HEAD = '{"chain": {"family": "ip", "table": "f", "name": "a", "hook": "input"'


@pytest.fixture(name="nft")
def _nft(monkeypatch):
    """Return a function that has nft list a text as JSON."""

    def lists(output):
        made = SimpleNamespace(
            set_json_output=lambda _: None,
            set_terse_output=lambda _: None,
            cmd=lambda _: (0, output, ""),
        )
        monkeypatch.setitem(sys.modules, "nftables", SimpleNamespace(Nftables=lambda: made))
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(chains, "_of_legacy", lambda: ())

    return lists


@pytest.mark.parametrize("output", ["nftables", '{"nftables": ', "[]", "{}", '{"nftables": 5}'])
def test_what_is_no_listing_has_no_chains(nft, output):
    """Cut off, or of another shape."""
    nft(output)
    assert chains.look() == ()
    assert Nft().chains("ip") == ()


@pytest.mark.parametrize(
    "item", ['{"chain": {}}', '{"chain": 5}', '{"chain": {"family": [], "table": "f", "hook": 1}}']
)
def test_a_chain_without_its_names_is_not_understood(nft, item):
    """The check for other programs' chains finds none; the one for names of chains says why."""
    nft(f'{{"nftables": [{item}]}}')
    assert chains.look() == ()
    with pytest.raises(KernelError, match="nft chains: the listing cannot be read"):
        Nft().chains("ip")


def test_an_object_that_is_none_is_passed_over(nft):
    """The chains beside it are there."""
    nft(f'{{"nftables": [5, {HEAD}, "type": "filter", "prio": 0}}}}]}}')
    assert [one.name for one in chains.look()] == ["a"]


def test_a_statement_without_a_name_may_match_or_not():
    """`{}` in a rule is a statement that this program does not know."""
    chain = {"family": "ip", "table": "f", "name": "a"}
    rule = {"family": "ip", "table": "f", "chain": "a", "expr": [{}, {"drop": None}]}
    (found,) = listed.chains([{"chain": chain}, {"rule": rule}])
    assert found.rules == (listed.Rule((listed.UNKNOWN,), listed.DROP),)


def test_a_rule_of_iptables_without_a_chain_is_not_understood(monkeypatch):
    """Its table is left out, as one of nft is."""
    saved = "*filter\n:FORWARD DROP [0:0]\n-A \nCOMMIT\n"
    monkeypatch.setattr(chains.program, "output", lambda _: (0, saved, ""))
    monkeypatch.setattr(chains.xtables, "tables", lambda: ("iptables-legacy filter",))
    monkeypatch.setattr(Nft, "objects", lambda _: [])
    assert chains.look() == ()

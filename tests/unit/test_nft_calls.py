"""What libnftables is asked, and what its answers and errors become; the library is replaced."""

import json
import os
import socket
import sys
from types import SimpleNamespace

import pytest

from dualwan.errors import KernelError
from dualwan.host.nft import Nft, NotPermitted
from dualwan.nft.table import DeviceShortcut, NftTable, base_chain

HOOK = "type filter hook input priority filter; policy drop;"
TABLE = NftTable("ip", "t", (base_chain("a", HOOK, DeviceShortcut("ppp0", "accept"), "drop"),))
LISTED = """\
table ip other {
}
table ip t {
\tcounter no_port {
\t\tpackets 3 bytes 4
\t}
\tchain a {
\t\toif "ppp0" accept
\t\tdrop
\t}
}
"""
ELEMENTS = {
    "nftables": [
        {"metainfo": {}},
        {
            "set": {
                "elem": [
                    {"elem": {"val": "192.168.1.10", "counter": {"packets": 2}}},
                    {"elem": {"val": "192.168.1.11", "timeout": 5}},
                    "192.168.1.12",
                ]
            }
        },
    ]
}
MISSING = "Error: No such file or directory; did you mean t2?\nlist table ip t\n"


def _index(device):
    """Know one device, as if_nametoindex(3) would."""
    if device != "ppp0":
        raise OSError(19, "No such device")
    return 7


class Library:
    """What is there of libnftables: contexts that note how they were asked, and answer."""

    def __init__(self):
        self.asked, self.answers, self.contexts = [], {}, 0

    def make(self):
        """Return a context."""
        self.contexts += 1
        options = {}
        made = SimpleNamespace(cmd=lambda text: self.answer(text, options))
        for name in ("terse", "numeric_proto", "stateless", "json"):
            setattr(
                made,
                f"set_{name}_output",
                lambda value, name=name: options.update({name: value}),
            )
        return made

    def answer(self, text, options):
        """Note the text and the options in force; answer with what a test put in."""
        self.asked.append((text, {name for name, value in options.items() if value}))
        return self.answers.get(text, (0, "", ""))


@pytest.fixture(name="library", autouse=True)
def _library(monkeypatch):
    made = Library()
    monkeypatch.setitem(sys.modules, "nftables", SimpleNamespace(Nftables=made.make))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(socket, "if_nametoindex", _index)
    return made


@pytest.mark.parametrize(
    ("filled", "asked"), [(True, "list ruleset ip"), (False, "list table ip t")]
)
def test_a_table_is_listed_without_what_changes_by_itself(library, filled, asked):
    """No counters, no elements, an index for the device; a filled one by its family."""
    library.answers[asked] = (0, LISTED, "")
    listing = Nft().listing("ip", "t", filled)
    assert library.asked == [(asked, {"terse", "numeric_proto", "stateless"})]
    assert listing.startswith("table ip t {\n")
    assert "\t\toif 7 accept\n" in listing


def test_one_context_does_for_all_listings(library):
    """The library is loaded once."""
    nft = Nft()
    for name in ("t", "u"):
        nft.listing("ip", name, False)
    assert library.contexts == 1


def test_a_table_that_is_not_there_has_no_listing(library):
    """As nft says it, whatever it guesses besides; in a family's listing it is just absent."""
    library.answers["list table ip t"] = (1, "", MISSING)
    assert Nft().listing("ip", "t", False) == ""
    library.answers["list ruleset ip"] = (0, "table ip other {\n}\n", "")
    assert Nft().listing("ip", "t", True) == ""


def test_without_the_right_to_look_nothing_is_seen(library, monkeypatch):
    """Root without the right is told by nft; others do not even ask, for nft would print."""
    library.answers["list table ip t"] = (1, "", "Error: Operation not permitted\n")
    with pytest.raises(NotPermitted):
        Nft().listing("ip", "t", False)
    library.asked.clear()
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(NotPermitted):
        Nft().listing("ip", "t", False)
    assert library.asked == []


def test_any_other_error_is_the_kernels(library):
    """With the table and the first line of what nft says."""
    library.answers["list table ip t"] = (1, "", "Error: cache is broken\nlist table ip t\n^^^\n")
    with pytest.raises(KernelError, match=r"^nft table ip t: Error: cache is broken$"):
        Nft().listing("ip", "t", False)


def test_a_table_is_loaded_in_one_transaction(library):
    """Devices by index; a rule for one that is not there is left out."""
    Nft().load(TABLE, None)
    ((text, _),) = library.asked
    assert text.startswith("table ip t\ndelete table ip t\ntable ip t {\n")
    assert "oif 7 accept" in text
    library.asked.clear()
    Nft().load(NftTable("ip", "t", (base_chain("a", HOOK, DeviceShortcut("gone0", "drop")),)), None)
    assert "oif" not in library.asked[0][0]


def test_a_table_that_stands_is_changed_in_place(library):
    """Its base chains stay, for no packet is to pass in between."""
    Nft().load(TABLE, TABLE)
    ((text, _),) = library.asked
    assert text.startswith("flush chain ip t a\n")
    assert "delete table" not in text


def test_a_table_is_removed_whether_it_is_there_or_not(library):
    """Made first, so that its absence is no error."""
    Nft().remove("ip", "t")
    assert library.asked[0][0] == "table ip t\ndelete table ip t\n"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Error: Could not process rule: Device or resource busy\nmore\n", "Error: Could not"),
        ("", "refused without a reason$"),
    ],
)
def test_a_refused_transaction_is_told_with_its_table(library, said, told):
    """One line, also where nft says nothing."""
    library.answers["table ip t\ndelete table ip t\n"] = (1, "", said)
    with pytest.raises(KernelError, match=f"^nft table ip t: {told}") as caught:
        Nft().remove("ip", "t")
    assert "\n" not in str(caught.value)


def test_objects_and_text_are_nothing_where_nft_refuses(library, monkeypatch):
    """As without root: what other programs have is then not seen, and nothing fails."""
    library.answers = {
        "list chains": (0, json.dumps({"nftables": [{"chain": {"name": "c"}}]}), ""),
        "list table ip t": (0, "table", ""),
        "list table ip u": (1, "", "Error: No such file or directory\n"),
    }
    assert Nft.objects("list chains") == [{"chain": {"name": "c"}}]
    assert Nft().text("list table ip t") == "table"
    assert Nft().text("list table ip u") == ""
    assert Nft.objects("list table ip u") == []
    assert library.asked[0] == ("list chains", {"json"})
    assert library.asked[-1] == ("list table ip u", {"json", "terse"})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    asked = len(library.asked)
    assert Nft.objects("list chains") == []
    assert Nft().text("list table ip t") == ""
    assert len(library.asked) == asked


def test_the_chains_of_a_family_are_named_with_their_table(library, monkeypatch):
    """Without their rules; without root there is nothing to see."""
    chains = [
        {"family": "ip", "table": "nat", "name": name} for name in ("OUTPUT", "MAPEnatOUTPUT")
    ]
    listed = json.dumps({"nftables": [{"metainfo": {}}, *({"chain": one} for one in chains)]})
    library.answers["list chains ip"] = (0, listed, "")
    assert Nft().chains("ip") == ("ip nat OUTPUT", "ip nat MAPEnatOUTPUT")
    library.answers["list chains ip"] = (1, "", "Error: cache is broken\n")
    with pytest.raises(KernelError, match=r"^nft chains: Error: cache is broken$"):
        Nft().chains("ip")
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert Nft().chains("ip") == ()

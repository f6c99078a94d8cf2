"""nft tables as values: how they read, what a change of one says, what is kept of them."""

import json

import pytest

from dualwan.nft import legacy, stored
from dualwan.nft.listing import one_table, with_indexes
from dualwan.nft.table import (
    Block,
    DeviceShortcut,
    NftTable,
    base_chain,
    chain,
    commented,
    counter,
    dynamic,
)
from dualwan.nft.transaction import replacement

INPUT = "type filter hook input priority filter; policy drop;"
HELD = dynamic("set", "held", "type ipv4_addr", 8, "60s")
OTHER = dynamic("set", "other", "type ipv4_addr", 8, "60s")
OLD = NftTable("inet", "t", (HELD, chain("a", "accept"), chain("b", "drop")))


def changed(old, *blocks):
    """Return the transaction from the blocks OLD to BLOCKS, of one table."""
    return replacement(NftTable("inet", "t", old), NftTable("inet", "t", blocks))


def test_a_table_reads_as_nft_writes_it():
    """Comments stand where nft lists them: first in a chain, last in a set."""
    table = NftTable(
        "ip",
        "t",
        (
            dynamic("map", "m", "type ipv4_addr : inet_service", 8, comment="1/2/3"),
            counter("lost"),
            base_chain("a", INPUT, commented("drop", "why"), comment="what comes in"),
        ),
    )
    assert (
        table.source()
        == """\
table ip t {
	map m {
		type ipv4_addr : inet_service
		size 8
		flags dynamic
		comment "1/2/3"
	}
	counter lost {
	}
	chain a {
		comment "what comes in"
		type filter hook input priority filter; policy drop;
		drop comment "why"
	}
}
"""
    )


def test_a_table_knows_whether_packets_fill_it():
    """Such a one is listed in another way (host.nft)."""
    assert OLD.dynamic
    assert not NftTable("inet", "t", (chain("a", "accept"), counter("lost"))).dynamic


def test_what_is_not_known_is_replaced_whole():
    """A table that somebody else changed goes, and the new one comes, in one transaction."""
    assert replacement(None, OLD) == f"table inet t\ndelete table inet t\n{OLD.source()}"


def test_a_set_that_stays_is_not_named():
    """Its elements live on; the chains are emptied before one goes, so that it is not in use."""
    assert changed(OLD.blocks, HELD, chain("a", "drop")) == (
        "flush chain inet t a\nflush chain inet t b\n"
        "delete chain inet t b\n"
        "table inet t {\n\tchain a {\n\t\tdrop\n\t}\n}\n"
    )


def test_a_chain_that_is_hooked_in_stays_hooked_in():
    """Without a moment in which it is not there, or there without its policy."""
    assert changed(
        (base_chain("a", INPUT, "accept", comment="old"),),
        base_chain("a", INPUT, "drop", comment="new"),
    ) == (
        'flush chain inet t a\ntable inet t {\n\tchain a {\n\t\tcomment "new"\n'
        f"\t\t{INPUT}\n\t\tdrop\n\t}}\n}}\n"
    )


def test_a_chain_that_is_hooked_in_elsewhere_is_made_anew():
    """Another hook or priority cannot be given to a chain that is there."""
    assert "delete chain inet t a\n" in changed(
        (base_chain("a", INPUT),), base_chain("a", INPUT.replace("filter;", "raw;"))
    )


def test_a_chain_with_another_comment_is_made_anew():
    """One that is there cannot be given another one."""
    assert "delete chain inet t a\n" in changed(
        (chain("a", "drop", comment="63 ports"),), chain("a", "drop", comment="62 ports")
    )


def test_a_set_with_other_terms_is_made_anew():
    """Another timeout or comment cannot be given to a set that is there."""
    for other in (
        dynamic("set", "held", "type ipv4_addr", 8, "90s"),
        dynamic("set", "held", "type ipv4_addr", 8, "60s", "9/9/9"),
    ):
        text = changed(OLD.blocks, other, OTHER)
        assert "delete set inet t held\n" in text
        assert other.source() in text
        assert OTHER.source() in text


SHORTCUTS = NftTable(
    "ip",
    "t",
    (
        chain(
            "a",
            DeviceShortcut("lan0", "accept"),
            DeviceShortcut("lan1", "accept"),
            'oif "lan1" drop',
            'oifname "lan1" drop',
        ),
    ),
)


def test_a_shortcut_names_its_device_by_index():
    """And is left out where there is no such device, for nft would not load it."""
    loaded = '\tchain a {\n\t\toif 7 accept\n\t\toif "lan1" drop\n\t\toifname "lan1" drop\n\t}\n'
    assert SHORTCUTS.source({"lan0": 7}.get) == f"table ip t {{\n{loaded}}}\n"
    assert replacement(NftTable("ip", "t"), SHORTCUTS, {"lan0": 7}.get) == (
        f"table ip t {{\n{loaded}}}\n"
    )
    assert loaded in replacement(None, SHORTCUTS, {"lan0": 7}.get)


def test_a_shortcut_reads_with_its_name():
    """A person knows devices by name."""
    assert '\t\toif "lan0" accept\n\t\toif "lan1" accept\n' in SHORTCUTS.source()


def test_a_listing_is_the_same_when_a_device_is_gone_or_renamed():
    """It is listed by its index then, or by another name of the same index."""
    listing = SHORTCUTS.source()
    before = with_indexes(listing, {"lan0": 7, "lan1": 8}.get)
    gone = listing.replace('oif "lan0"', "oif 7")
    assert with_indexes(gone, {"lan1": 8}.get) == before
    renamed = listing.replace('oif "lan0"', 'oif "lan2"')
    assert with_indexes(renamed, {"lan1": 8, "lan2": 7}.get) == before


def test_a_table_is_found_among_others():
    """By its whole name and family, whatever else nft lists."""
    old, other = OLD.source(), NftTable("ip", "t2", (chain("a", "drop"),)).source()
    ruleset = f"{other}# a warning\n{old}{other}"
    assert one_table(ruleset, "inet", "t") == old
    assert one_table(old, "inet", "t") == old
    assert one_table(ruleset, "ip", "t2") == other
    assert one_table(ruleset, "ip", "t") == ""


def test_how_many_elements_a_set_has_is_left_out():
    """Nft 1.1.7 lists it beside the size; packets change it."""
    table = NftTable("ip", "t", (HELD,)).source()
    counted = table.replace("\t\tsize 8\n", "\t\tsize 8\t# count 3\n")
    assert counted != table
    assert one_table(counted, "ip", "t") == table


EVERYTHING = NftTable(
    "ip",
    "t",
    (
        HELD,
        dynamic("map", "m", "typeof icmp id . ip daddr : icmp id", 8, "1m", "1/2/3"),
        counter("lost"),
        Block("ct timeout", "short", ("protocol udp", "l3proto ip")),
        base_chain(
            "a", INPUT, DeviceShortcut("lan0", "accept"), commented("drop", "why"), comment="in"
        ),
        chain("b", "accept"),
    ),
)


def test_what_is_stored_of_a_table_is_read():
    """Through JSON: nothing is lost, and nothing is taken out of a text."""
    assert stored.decode("ip", "t", json.loads(json.dumps(stored.encode(EVERYTHING)))) == EVERYTHING


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        "text",
        [[]],
        [["chain", "a"]],
        [["chain", "a", "", False, "", "drop"]],
        [["chain", "a", "", False, "", [7]]],
        [["chain", "a", "", False, "", [["lan0"]]]],
        [["set", "a", "", "yes", "", []]],
    ],
)
def test_what_is_no_table_is_no_table(data):
    """A state that is damaged counts as none (host.store)."""
    with pytest.raises(ValueError, match="nft table"):
        stored.decode("ip", "t", data)


def test_a_text_of_0_1_0_is_taken_apart_into_its_blocks():
    """It is the text that nft was given then, block by block."""
    assert legacy.table(EVERYTHING.source()) == EVERYTHING
    assert legacy.table("") is None

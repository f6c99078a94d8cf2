"""What a change of a nft table says: one transaction that keeps what need not go."""

from dualwan.nft.table import block, table
from dualwan.nft.transaction import blocks, one_table, packets, replacement, with_indexes

SET = block("set held", "type ipv4_addr", "flags dynamic,timeout", "timeout 60s")
OTHER = block("set other", "type ipv4_addr", "flags dynamic,timeout", "timeout 60s")
OLD = table("inet", "t", SET, block("chain a", "accept"), block("chain b", "drop")).content


def test_a_table_is_taken_apart_into_its_blocks():
    """Kind and name of each set and chain, with its text."""
    found = blocks(OLD)
    assert list(found) == [("set", "held"), ("chain", "a"), ("chain", "b")]
    assert found["chain", "b"] == "\tchain b {\n\t\tdrop\n\t}\n"


def test_what_is_not_known_is_replaced_whole():
    """A table that somebody else changed goes, and the new one comes, in one transaction."""
    assert replacement("inet", "t", "", OLD) == f"table inet t\ndelete table inet t\n{OLD}"


def test_a_set_that_stays_is_not_named():
    """Its elements live on; the chains are emptied before one goes, so that it is not in use."""
    new = table("inet", "t", SET, block("chain a", "drop")).content
    assert replacement("inet", "t", OLD, new) == (
        "flush chain inet t a\nflush chain inet t b\n"
        "delete chain inet t b\n"
        "table inet t {\n\tchain a {\n\t\tdrop\n\t}\n}\n")


def test_a_chain_that_is_hooked_in_stays_hooked_in():
    """Without a moment in which it is not there, or there without its policy."""
    hook = "type filter hook input priority filter; policy drop;"
    old = table("inet", "t", block("chain a", hook, "accept")).content
    assert replacement("inet", "t", old, old.replace("accept", "drop")) == (
        f"flush chain inet t a\ntable inet t {{\n\tchain a {{\n\t\t{hook}\n\t\tdrop\n\t}}\n}}\n")


def test_a_chain_that_is_hooked_in_elsewhere_is_made_anew():
    """Another hook or priority cannot be given to a chain that is there."""
    hook = "type filter hook input priority filter; policy drop;"
    old = table("inet", "t", block("chain a", hook)).content
    assert "delete chain inet t a\n" in replacement(
        "inet", "t", old, old.replace("priority filter", "priority raw"))


def test_a_set_with_other_terms_is_made_anew():
    """Another timeout cannot be given to a set that is there."""
    new = table("inet", "t", SET.replace("60s", "90s"), OTHER).content
    text = replacement("inet", "t", OLD, new)
    assert "delete set inet t held\n" in text
    assert "timeout 90s" in text
    assert "set other {" in text


SHORTCUTS = table("ip", "t", block("chain a", 'oif "lan0" accept', 'oif "lan1" accept',
                                   'oifname "lan1" drop')).content


def test_a_shortcut_names_its_device_by_index():
    """And is left out where there is no such device, for nft would not load it."""
    assert with_indexes(SHORTCUTS, {"lan0": 7}.get) == table(
        "ip", "t", block("chain a", "oif 7 accept", 'oifname "lan1" drop')).content


def test_a_device_that_is_gone_or_renamed_makes_no_difference():
    """It is listed by its index then, or by another name of the same index."""
    before = with_indexes(SHORTCUTS, {"lan0": 7, "lan1": 8}.get)
    gone = SHORTCUTS.replace('oif "lan0"', "oif 7")
    assert with_indexes(gone, {"lan1": 8}.get) == before
    renamed = SHORTCUTS.replace('oif "lan0"', 'oif "lan2"')
    assert with_indexes(renamed, {"lan1": 8, "lan2": 7}.get) == before


def test_a_table_is_found_among_others():
    """By its whole name and family, whatever else nft lists."""
    other = table("ip", "t2", block("chain a", "drop")).content
    ruleset = f"{other}# a warning\n{OLD}{other}"
    assert one_table(ruleset, "inet", "t") == OLD
    assert one_table(OLD, "inet", "t") == OLD
    assert one_table(ruleset, "ip", "t2") == other
    assert one_table(ruleset, "ip", "t") == ""


def test_counters_are_read_from_a_listing():
    """The named ones, not those of rules."""
    text = table("ip", "t", block("counter lost", "packets 7 bytes 420"),
                 block("chain a", "counter packets 3 bytes 9 drop")).content
    assert packets(text) == {"lost": 7}

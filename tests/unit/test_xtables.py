"""Tables of iptables-legacy, which stand beside ours."""

from dualwan.host import xtables


def test_tables_are_named_by_the_program_that_shows_them(tmp_path, monkeypatch):
    """Sorted; a family without a file has no table, and so has one that cannot be read."""
    (tmp_path / "four").write_text("nat\nfilter\n")
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(xtables, "NAMES", (
        ("iptables-legacy", tmp_path / "four"), ("ip6tables-legacy", tmp_path / "six"),
        ("arptables-legacy", tmp_path / "folder")))
    assert xtables.tables() == ("iptables-legacy filter", "iptables-legacy nat")

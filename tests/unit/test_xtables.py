"""Tables of iptables-legacy, which work beside nftables."""

import pytest

from dualwan.host import xtables


@pytest.fixture(name="proc")
def _proc(tmp_path, monkeypatch):
    """Return a folder in the place of /proc/net."""
    monkeypatch.setattr(
        xtables, "NAMES", tuple((program, tmp_path / path.name) for program, path in xtables.NAMES)
    )
    return tmp_path


def test_they_are_read_from_where_the_kernel_lists_them():
    """Of IPv4 and of IPv6; iptables-nft has none there."""
    assert [(program, str(path)) for program, path in xtables.NAMES] == [
        ("iptables-legacy", "/proc/net/ip_tables_names"),
        ("ip6tables-legacy", "/proc/net/ip6_tables_names"),
    ]


def test_each_is_told_with_its_program(proc):
    """In one order each time, whatever the kernel's is."""
    (proc / "ip_tables_names").write_text("nat\nmangle\nfilter\n")
    (proc / "ip6_tables_names").write_text("filter\n")
    assert xtables.tables() == (
        "iptables-legacy filter",
        "iptables-legacy mangle",
        "iptables-legacy nat",
        "ip6tables-legacy filter",
    )


def test_a_kernel_without_xtables_has_none(proc):
    """Nor one whose list is empty, or that shows it to root only."""
    assert xtables.tables() == ()
    (proc / "ip_tables_names").write_text("")
    (proc / "ip6_tables_names").mkdir()  # reading it fails, as for a user
    assert xtables.tables() == ()


def test_one_of_the_two_is_enough(proc):
    """IPv6 alone may be filtered by the old way."""
    (proc / "ip6_tables_names").write_text("raw\n")
    assert xtables.tables() == ("ip6tables-legacy raw",)


def test_chains_are_asked_of_their_own_program(proc, monkeypatch):
    """Of IPv4's tables alone, each by its name."""
    (proc / "ip_tables_names").write_text("nat\nfilter\n")
    (proc / "ip6_tables_names").write_text("filter\n")
    asked = []

    def output(argv):
        asked.append(argv)
        return 0, f"*{argv[-1]}\n:OUTPUT ACCEPT [0:0]\n:MAPE{argv[-1]} - [0:0]\nCOMMIT\n", ""

    monkeypatch.setattr("dualwan.host.program.output", output)
    assert xtables.chains() == (
        "iptables-legacy filter OUTPUT",
        "iptables-legacy filter MAPEfilter",
        "iptables-legacy nat OUTPUT",
        "iptables-legacy nat MAPEnat",
    )
    assert asked == [["iptables-legacy-save", "-t", name] for name in ("filter", "nat")]

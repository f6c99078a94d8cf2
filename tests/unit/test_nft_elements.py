"""What packets have put into sets: read from nft's text, and put back where it is missing."""

import re

import pytest

from dualwan.errors import KernelError
from dualwan.host import nft_elements
from dualwan.host.nft_elements import Filled, listed, put_back
from dualwan.model.observed import TableId

TABLE = TableId("ip", "t")
LISTING = """\
table ip t {
	set flows {
		type ipv4_addr . inet_service
		size 65535
		flags dynamic,timeout
		timeout 15m
		elements = { 192.168.1.10 . 80 timeout 15m expires 3m,
			192.168.1.11 . 81 expires 4m }
	}

	set fixed {
		type inet_service
		elements = { 80, 443 }
	}

	map mappings {
		type ipv4_addr : inet_service
		flags dynamic,timeout
	}

	chain c {
	}
}
"""
FLOWS = Filled(
    "ip",
    "t",
    "flows",
    ("192.168.1.10 . 80 timeout 15m expires 3m", "192.168.1.11 . 81 expires 4m"),
)


class Nft:
    """nft with a table: what is added to it, and what it refuses."""

    def __init__(self, monkeypatch):
        self.listing, self.added, self.refused, self.lists = (0, LISTING, ""), [], (), 0
        monkeypatch.setattr(nft_elements, "_run", self.run)

    def run(self, command):
        """List the table, or add elements to a set: all or none."""
        if command.startswith("list table ip t"):
            self.lists += 1
            return self.listing
        place, items = re.fullmatch(r"add element (.*?) \{ (.*) \}", command).groups()
        if any(item in self.refused for item in items.split(", ")):
            return 1, "", "Error: Could not process rule"
        self.added += [(place, item) for item in items.split(", ")]
        return 0, "", ""


@pytest.fixture(name="nft")
def _nft(monkeypatch):
    return Nft(monkeypatch)


def test_only_what_packets_fill_is_kept(nft):
    """With times and all, one text an element; a set that is empty is a set too."""
    assert listed([TABLE]) == [FLOWS, Filled("ip", "t", "mappings", ())]
    assert nft.added == []


def test_a_table_that_is_gone_has_nothing(nft):
    """Any other error is told in one line."""
    nft.listing = 1, "", "Error: No such file or directory\nlist table ip t"
    assert listed([TABLE]) == []
    nft.listing = 1, "", "Error: Operation not permitted\n"
    with pytest.raises(KernelError, match=r"^nft table ip t: Error: Operation not permitted$"):
        listed([TABLE])


def test_what_is_there_is_not_put_back(nft):
    """Whatever its times are by now."""
    later = "192.168.1.10 . 80 timeout 15m expires 2m", "192.168.1.12 . 82 expires 1m"
    kept = [FLOWS._replace(elements=later), FLOWS._replace(name="mappings", elements=("a : 1",))]
    assert put_back(kept) == 0
    assert nft.added == [("ip t flows", later[1]), ("ip t mappings", "a : 1")]


def test_what_is_refused_is_counted_and_the_rest_is_put_back(nft):
    """One element that the set does not take any more keeps no other from it."""
    items = tuple(f"10.0.0.{number} . 80" for number in range(9))
    nft.refused = items[3], items[7]
    assert put_back([FLOWS._replace(elements=items)]) == 2
    assert [item for _, item in nft.added] == [one for one in items if one not in nft.refused]


def test_a_set_that_is_gone_takes_nothing(nft):
    """Another configuration may have none of that name."""
    assert put_back([FLOWS._replace(name="gone")]) == 0
    assert nft.added == []


def test_for_sets_without_elements_no_table_is_listed(nft):
    """There is nothing to put back."""
    assert put_back([FLOWS._replace(elements=())]) == 0
    assert nft.lists == 0

"""A set with many flags, in the state file of an earlier version."""

import time

import pytest

from dualwan.nft import legacy

TABLE = "table ip t {{\n\tset s {{\n\t\ttype ipv4_addr\n\t\tflags {}\n\t}}\n}}\n"


@pytest.mark.parametrize("end", ["dynamic", "timeout", "dynamically", ""])
def test_its_flags_are_read_in_no_time(end):
    """However many there are, and whether or not packets fill the set."""
    began = time.process_time()
    (block,) = legacy.table(TABLE.format("x," * 5000 + end)).blocks
    assert time.process_time() - began < 1
    assert block.dynamic is (end == "dynamic")


@pytest.mark.parametrize(
    ("flags", "dynamic"),
    [("dynamic", True), ("dynamic,timeout", True), ("timeout,dynamic", True), ("timeout", False)],
)
def test_packets_fill_a_set_that_says_so(flags, dynamic):
    """Wherever the flag stands among the others."""
    (block,) = legacy.table(TABLE.format(flags)).blocks
    assert block.dynamic is dynamic

"""Lines of many blanks or words: read in a time that grows with their length and no faster.

Each of these took a time with its square, its cube or a power of two: minutes, or for ever.
"""

import time

import pytest

from dualwan.host.around import scripts
from dualwan.line.provisioning import dhcpv6
from dualwan.nft import legacy
from dualwan.ppp import starters
from dualwan.toml_source import Source

BLANKS = " " * 20_000
READERS = {
    "a header of TOML": lambda: Source("f", f"[{BLANKS}x"),
    "flags of a set": lambda: legacy.table(
        "table ip x {\n\tset y {\n\t\tflags " + "a," * 60 + "b\n\t}\n}\n"
    ),
    "an option of a lease": lambda: dhcpv6.from_lease_file(
        f"option dhcp6.name-servers{BLANKS}", "wan0"
    ),
    "a unit of empty lines": lambda: list(starters.in_unit("f", "\n" * 20_000, "x", ["x.service"])),
    "a script of many words": lambda: starters.starts("pon-x " * 20_000, "x"),
    "a line of a stanza": lambda: scripts._RUNS.fullmatch(f"up{BLANKS}x"),  # noqa: SLF001 - the pattern alone
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_long_line_is_read_at_once(read):
    """Within a second of processor time, of which it takes a hundredth."""
    before = time.process_time()
    read()
    assert time.process_time() - before < 1

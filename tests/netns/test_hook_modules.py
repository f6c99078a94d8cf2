"""What a whole event loads, module by module: each is paid for at each event of a small router."""

import pytest
from hook_modules import CHANGES, FLOWS, NFT, OF_PPP_UP, OF_UP, outside
from line import Line

RUN = """\
import sys, syslog
before = set(sys.modules)
syslog.syslog = lambda *_: None
from dualwan import hook
hook.hook(*sys.argv[1:])
print(*set(sys.modules) - before)
"""


@pytest.fixture(name="line")
def _line(tmp_path):
    """Yield a router that is up."""
    made = Line(tmp_path)
    try:
        made.apply()
        yield made
    finally:
        made.close()


def loaded(line, *event):
    """Return the modules that a hook loads for an event."""
    done = line.python(RUN, *event)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_ppp_up_loads_what_is_on_its_list(line):
    """With a new address, and again with nothing to do: that loads neither nft nor pyroute2."""
    assert outside(loaded(line, "ppp-up", "ppp0"), NFT, CHANGES, FLOWS, OF_PPP_UP) == []
    again = loaded(line, "ppp-up", "ppp0")
    assert outside(again, OF_PPP_UP) == []
    assert "dualwan.log" not in again


def test_a_second_stanza_of_the_wan_loads_what_is_on_its_list(line):
    """Neither nft and pyroute2, nor what looks around, nor what starts a program."""
    line.python(RUN, "up", "wan0")
    assert outside(loaded(line, "up", "wan0"), OF_UP) == []

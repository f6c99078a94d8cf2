"""An interface of a zone that comes, and is renamed, while the router runs: its name counts.

No event tells of it, and nothing is loaded anew.
"""

from contextlib import closing

import pytest
from line import CLIENT, CONFIG, PPPOE, SERVERS, SHARED, SHUT
from scenes import exchange
from zoned import ZONES, Zoned


@pytest.fixture(name="line")
def _line(tmp_path):
    """Return a line whose zones are up, and a host behind an interface that nothing names yet."""
    with closing(Zoned(tmp_path, CONFIG + ZONES.replace('"guest0"', '"guest*"'))) as line:
        line.apply()
        line.event("ppp-up", PPP_IFACE="ppp0")
        line.late = line._space("late")  # noqa: SLF001 - one more, closed with the others
        line.router.ip(f"""
            link add late0 type veth peer name eth0 netns {line.late.name}
            link set late0 up
            address add 10.0.7.1/24 dev late0
        """)
        line.late.ip("""
            link set eth0 up
            address add 10.0.7.2/24 dev eth0
            route add default via 10.0.7.1
        """)
        yield line


def renamed(line, old, new):
    """Give an interface another name, which it can only while it is down."""
    line.router.ip(f"link set {old} down\nlink set {old} name {new}\nlink set {new} up")


def seen(line):
    """Return as whom the internet sees the late host; "" for not at all."""
    with line.internet.listen(80) as server:
        try:
            client = line.late.connect(SERVERS[0], 80, timeout=SHUT)
        except OSError:
            return ""
        return exchange(server, client)[0]


def reaches_lan(line):
    """Return whether the late host reaches one of the LAN."""
    with line.lan.listen(80):
        try:
            return bool(line.late.connect(CLIENT, 80, timeout=SHUT))
        except OSError:
            return False


def test_it_has_the_rights_of_the_zone_that_its_name_says(line):
    """Of none it is closed, of the guests it takes MAP-E, of the DMZ PPPoE alone."""
    assert seen(line) == ""
    for old, new, way in (
        ("late0", "guest7", SHARED),
        ("guest7", "dmz7", PPPOE),
        ("dmz7", "any7", ""),
    ):
        renamed(line, old, new)
        assert (new, seen(line)) == (new, way)
        assert not reaches_lan(line)
    assert line.settled()

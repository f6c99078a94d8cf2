import pytest
from mape_cases import load
from mape_oracle import owner, psid_of_port

from dualwan.errors import MapeError
from dualwan.mape.portset import PortSet


@pytest.mark.parametrize("case", load("portsets", "case"))
def test_worked_port_set(case):
    """The ranges and their number are those of RFC 7597 and of the providers' lines."""
    ports = PortSet(*case["set"])
    ranges = ports.ranges()
    assert [low for low, _ in ranges[: len(case["starts"])]] == case["starts"]
    assert {high - low + 1 for low, high in ranges} == {case["contiguous"]}
    assert len(ports) == sum(high - low + 1 for low, high in ranges) == case["ports"]


@pytest.mark.parametrize("case", load("portsets", "case"))
def test_port_belongs_to_its_psid(case):
    """The first port of each range leads back to the port set."""
    ports = PortSet(*case["set"])
    _, offset, length = case["set"]
    for start in case["starts"]:
        assert owner(start, offset, length) == ports
        assert start in ports


@pytest.mark.parametrize(("offset", "first"), [(0, 0), (1, 32768), (4, 4096), (6, 1024), (15, 2)])
def test_unshared_address_is_one_range(offset, first):
    """Ranges that touch are one: an address of one's own lacks only block 0."""
    ports = PortSet(0, offset, 0)
    assert ports.ranges() == ((first, 65535),)
    assert len(ports) == 65536 - first
    assert ports.sharing_ratio == 1


def test_highest_psid_ends_with_the_last_port():
    """The highest PSID's last range ends at 65535 and does not wrap round."""
    assert PortSet(255, 4, 8).ranges()[-1] == (65520, 65535)


@pytest.mark.parametrize(
    ("port", "psid"), [(4096, 0), (4111, 0), (4112, 1), (6672, 161), (6687, 161), (65535, 255)]
)
def test_edges_of_a_range(port, psid):
    """A port is in the set of its PSID and in no other, at both edges of a range."""
    assert psid_of_port(port, 4, 8) == psid
    assert [one for one in range(256) if port in PortSet(one, 4, 8)] == [psid]


@pytest.mark.parametrize("port", [0, 1023, 4095])
def test_port_of_nobody(port):
    """A port of block 0 belongs to no PSID."""
    assert psid_of_port(port, 4, 8) is None
    assert not any(port in PortSet(psid, 4, 8) for psid in range(256))


@pytest.mark.parametrize("port", [-1, 65536])
def test_what_is_no_port_is_in_no_set(port):
    """What is not a port is in no set."""
    assert port not in PortSet(0, 0, 0)
    assert not any(port in PortSet(psid, 4, 8) for psid in range(256))


@pytest.mark.parametrize(
    ("port", "below", "above"),
    [
        (0, None, 6672),
        (6671, None, 6672),
        (6672, 6672, 6672),
        (6680, 6680, 6680),
        (6687, 6687, 6687),
        (6688, 6687, 10768),
        (10767, 6687, 10768),
        (64032, 64031, None),
        (65535, 64031, None),
    ],
)
def test_the_nearest_ports_are_named(port, below, above):
    """The closest ports on both sides are named, none where there is none."""
    assert PortSet(161, 4, 8).nearest(port) == (below, above)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ((0, -1, 8), "PSID offset -1 is not between 0 and 15"),
        ((0, 16, 0), "PSID offset 16 is not between 0 and 15"),
        ((0, 0, 17), "PSID length 17 is not between 0 and 16"),
        ((0, 0, -1), "PSID length -1 is not between 0 and 16"),
        ((0, 9, 8), "PSID offset 9 and PSID length 8 need 17 bits"),
        ((256, 4, 8), "PSID 256 does not fit into 8 bits"),
        ((-1, 4, 8), "PSID -1 does not fit into 8 bits"),
        ((1, 4, 0), "PSID 1 does not fit into 0 bits"),
    ],
)
def test_port_set_that_cannot_be(fields, says):
    """Offset, length and PSID are checked together, and the error says which is wrong."""
    with pytest.raises(MapeError, match=says):
        PortSet(*fields)


def test_a_port_set_is_compared_by_its_value():
    """A port set is compared, hashed and shown by its value, and cannot be changed."""
    ports = PortSet(161, 4, 8)
    assert ports == PortSet(psid=161, psid_offset=4, psid_length=8)
    assert ports != PortSet(160, 4, 8)
    assert ports != (161, 4, 8)
    assert len({ports, PortSet(161, 4, 8)}) == 1
    assert repr(ports) == "PortSet(psid=161, psid_offset=4, psid_length=8)"
    with pytest.raises(AttributeError, match="immutable"):
        ports.psid = 1

"""Flows that the other router began, as elements of our sets."""

import pytest

from dualwan.errors import KernelError
from dualwan.host import carried
from dualwan.model.resources import CarriedFlows
from dualwan.nft.carried import CarriedFlow, Sets, transaction

SETS = Sets(
    "ip t",
    "carried",
    {"tcp": "tcp_m", "udp": "udp_m"},
    {"tcp": "tcp_p", "udp": "udp_p"},
    {"tcp": 7440, "udp": 300},
    4,
    {"tcp": 3, "udp": 3},
)
PORTS = ((1040, 1055), (2064, 2079))


def flow(protocol="tcp", source_port=50000, port=1040, destination="198.51.100.1", seconds=100):
    """Return a flow of 192.168.1.10 to port 443."""
    return CarriedFlow(protocol, "192.168.1.10", source_port, destination, 443, port, seconds)


def test_a_flow_has_its_port_its_mapping_and_its_mapped_port():
    """One transaction, in nft's words."""
    assert transaction(SETS, PORTS, [flow()]) == (
        "add element ip t carried { tcp . 1040 . 198.51.100.1 . 443 timeout 100s }\n"
        "add element ip t tcp_m { 192.168.1.10 . 50000 : 1040 }\n"
        "add element ip t tcp_p { 1040 }\n",
        1,
    )


def test_an_endpoint_keeps_the_port_that_most_of_its_flows_have():
    """One flow got another port, where the first was taken."""
    flows = [
        flow(port=2064, destination="198.51.100.9"),
        *(flow(destination=f"198.51.100.{number}") for number in (1, 2)),
    ]
    text, number = transaction(SETS, PORTS, flows)
    assert "tcp_m { 192.168.1.10 . 50000 : 1040 }" in text
    assert "2064 . 198.51.100.9" in text
    assert number == 3


def test_a_flow_with_another_port_than_those_of_the_set_is_left_out():
    """It is one of a forward, or of an earlier port set."""
    assert transaction(SETS, PORTS, [flow(port=1039), flow(protocol="icmp")]) == ("", 0)


def test_more_flows_than_there_is_room_for_keep_none_from_going_on():
    """The kernel refuses a transaction as a whole; those go on that conntrack keeps longest."""
    flows = [
        *(flow(source_port=number, port=1041, seconds=240) for number in range(1, 9)),
        *(
            flow(source_port=50000 + number, port=1050 + number, seconds=7000)
            for number in range(4)
        ),
    ]
    text, number = transaction(SETS, PORTS, flows)
    lines = dict(line.split(" { ") for line in text.splitlines())
    assert number == SETS.room
    assert lines["add element ip t carried"].count("timeout 7000s") == SETS.room
    assert lines["add element ip t tcp_m"].count(" : ") == SETS.endpoints["tcp"]
    assert "1041" not in text


@pytest.mark.parametrize(
    ("protocol", "seconds", "kept"), [("tcp", 432000, 7440), ("udp", 0, 1), ("udp", 301, 300)]
)
def test_an_element_lives_as_long_as_conntrack_may_keep_the_flow(protocol, seconds, kept):
    """Not for the five days that a kernel without our timeouts has."""
    text, _ = transaction(SETS, PORTS, [flow(protocol, seconds=seconds)])
    assert f"timeout {kept}s" in text


def test_a_listing_that_the_kernel_refuses_is_an_error(monkeypatch):
    """It names the address."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(carried, "Nfnetlink", refuse)
    with pytest.raises(KernelError, match=r"192\.0\.2\.18: Operation not permitted"):
        carried.fill(CarriedFlows("192.0.2.18", PORTS, SETS))

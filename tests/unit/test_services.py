import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualwan.config.services import KNOWN, PING, Port, service, services


def test_names_stand_for_ports():
    """What a person calls a service is what goes on the wire."""
    assert service("ssh").ports == (Port("tcp", 22),)
    assert service("dns").ports == (Port("tcp", 53), Port("udp", 53))
    assert service("http3").ports == (Port("udp", 443),)
    assert service("ping").ports == (PING,)
    assert service("esp").ports == (Port("proto", 50),)


@given(st.sampled_from(["tcp", "udp"]), st.integers(1, 65535))
def test_any_port_may_be_given_by_number(protocol, number):
    """PROTOCOL/PORT covers what has no name here."""
    assert service(f"{protocol}/{number}").ports == (Port(protocol, number),)


@given(st.integers(1, 255).filter(lambda number: number not in {1, 6, 17, 58}))
def test_a_protocol_without_ports_may_be_given_by_number(number):
    """proto/NUMBER; those with a word of their own are refused with that word."""
    assert service(f"proto/{number}").ports == (Port("proto", number),)
    assert service(f"proto/{number}").portless


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("proto/6", 'written "tcp/PORT"'),
        ("proto/17", 'written "udp/PORT"'),
        ("proto/58", 'written "ping"'),
        ("proto/0", "1 to 255"),
        ("proto/256", "1 to 255"),
    ],
)
def test_a_protocol_that_is_none_is_refused(text, why):
    """What has ports is given by them, and there are 255 protocols."""
    with pytest.raises(ValueError, match=why):
        service(text)


@pytest.mark.parametrize("text", ["tcp/0", "tcp/65536", "udp/99999"])
def test_a_port_has_16_bits(text):
    """Ports outside 1 to 65535 are refused."""
    with pytest.raises(ValueError, match="a port is 1 to 65535"):
        service(text)


@given(st.one_of(st.text(), st.integers(), st.none()))
def test_everything_else_is_refused_with_a_reason(value):
    """No other value passes, and none ends in anything but a ValueError that names it."""
    if isinstance(value, str) and value in KNOWN:
        return
    with pytest.raises(ValueError, match="service"):
        service(value)


@pytest.mark.parametrize("text", ["tcp/22 accept", "tcp/22\n", "TCP/22", "sctp/22", "tcp/\u0661"])
def test_nothing_but_a_port_passes_for_one(text):
    """What follows or precedes a port, or only looks like one, never reaches nft."""
    with pytest.raises(ValueError, match="unknown service"):
        service(text)


def test_a_list_has_each_service_once():
    """Repetition in a list is no error and has no effect."""
    assert [item.name for item in services(["ssh", "http", "ssh"])] == ["ssh", "http"]
    with pytest.raises(ValueError, match="must be a list"):
        services("ssh")


def test_names_stand_for_the_numbers_of_iana():
    """Its registries of service names and of protocol numbers."""
    assert {
        name: [(port.protocol, port.number) for port in ports] for name, ports in KNOWN.items()
    } == {
        "ssh": [("tcp", 22)],
        "smtp": [("tcp", 25)],
        "submission": [("tcp", 587)],
        "dns": [("tcp", 53), ("udp", 53)],
        "dhcp": [("udp", 67), ("udp", 547)],
        "http": [("tcp", 80)],
        "https": [("tcp", 443)],
        "http3": [("udp", 443)],
        "imaps": [("tcp", 993)],
        "ntp": [("udp", 123)],
        "ping": [("icmp", 0)],
        "esp": [("proto", 50)],
        "gre": [("proto", 47)],
        "6in4": [("proto", 41)],
    }

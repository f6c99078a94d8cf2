"""Option 94 of DHCPv6: bytes, lease files, environments."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualwan.errors import MapeError, RemoteError
from dualwan.line.provisioning import dhcpv6
from dualwan.line.provisioning.answer import ce_parameters

PREFIX = "2001:db8:1:2abc::/64"
BR = IPv6Address("2001:db8:1::1").packed


def option(code, content):
    """One DHCPv6 option."""
    return code.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def rule(**changes):
    """Content of option 89 for 2001:db8:1:2000::/52 and 203.0.113.0/24, but for CHANGES."""
    field = {
        "ea_length": 12,
        "length4": 24,
        "ipv4": "cb007100",
        "length6": 52,
        "v6": "20010db8000120",
        "ports": b"",
    } | changes
    return option(
        89,
        bytes([1, field["ea_length"], field["length4"]])
        + bytes.fromhex(field["ipv4"])
        + bytes([field["length6"]])
        + bytes.fromhex(field["v6"])
        + field["ports"],
    )


CONTAINER = rule(ports=option(93, b"\4\0\0\0")) + option(90, BR)
HEX = CONTAINER.hex()


def test_a_container_gives_the_ce_parameters():
    """A rule with a PSID offset of its own, and its relay."""
    ce = ce_parameters(dhcpv6.parse(HEX, "a lease"), PREFIX)
    assert (str(ce.ipv4), ce.psid, ce.port_set.psid_offset) == ("203.0.113.171", 12, 4)
    assert str(ce.ce) == "2001:db8:1:2abc:0:cb00:71ab:c"  # the RFC's layout
    assert (str(ce.br), ce.rule.source) == ("2001:db8:1::1", "a lease")


def test_the_offset_of_the_rfc_is_the_default():
    """RFC 7597 section 5.1: 6."""
    ce = ce_parameters(dhcpv6.parse((rule() + option(90, BR)).hex()), PREFIX)
    assert ce.port_set.psid_offset == 6


def test_the_psid_on_the_wire_is_left_aligned():
    """0xfe00 in 7 bits is 127: the ports come from it where the EA bits hold no PSID."""
    ports = option(93, bytes.fromhex("0607fe00"))
    ce = ce_parameters(
        dhcpv6.parse((rule(ea_length=8, ports=ports) + option(90, BR)).hex()), PREFIX
    )
    assert (ce.psid, ce.psid_length, str(ce.ipv4)) == (127, 7, "203.0.113.171")
    assert str(ce.ce).endswith(":0:cb00:71ab:7f")


def test_a_psid_that_the_prefix_contradicts():
    """Said twice it has to be the same."""
    same = option(93, bytes.fromhex("0604c000"))
    assert ce_parameters(dhcpv6.parse((rule(ports=same) + option(90, BR)).hex()), PREFIX).psid == 12
    other = option(93, bytes.fromhex("0604d000"))
    with pytest.raises(MapeError, match="it says"):
        ce_parameters(dhcpv6.parse((rule(ports=other) + option(90, BR)).hex()), PREFIX)


def test_bits_past_a_prefix_are_ignored():
    """RFC 7598 section 4.1, of the IPv4 prefix; for the other one it is as harmless."""
    item = dhcpv6.parse((rule(ipv4="cb0071ff", v6="20010db800012f") + option(90, BR)).hex())
    assert str(item.rules[0].rule) == "2001:db8:1:2000::/52 -> 203.0.113.0/24, EA length 12"


def test_two_containers_and_several_relays():
    """Each rule goes with the first relay of its own container."""
    other = IPv6Address("2001:db8:9::9").packed
    answer = dhcpv6.parse(
        f"{(rule() + option(90, BR) + option(90, other)).hex()}\n"
        f"{(rule(length6=48, v6='20010db80002') + option(90, other)).hex()}"
    )
    assert [str(item.rule.br) for item in answer.rules] == ["2001:db8:1::1", "2001:db8:9::9"]


def test_without_a_relay_there_is_no_mapping():
    """Not an error of the option, but nothing to use."""
    with pytest.raises(MapeError, match="names no border relay"):
        ce_parameters(dhcpv6.parse(rule().hex()), PREFIX)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no options 94"),
        ("zz", "not hexadecimal"),
        (HEX[:-2], "cut off"),
        (HEX[:6], "cut off"),
        (option(90, BR).hex(), "has no rules"),
        (rule()[:9].hex(), "cut off"),
        (option(89, b"\0" * 7).hex(), "cut off"),
        (rule(length6=129).hex(), "cut off, or its IPv6 prefix of 129 bits"),
        (rule(length6=200, v6="00" * 25).hex(), "200 bits"),
        (rule(ea_length=200).hex(), "EA length 200"),
        (rule(length4=33).hex(), "33"),
        (rule(ipv4="7f000000").hex(), "no line has an IPv4 address"),
        (rule(length6=0, v6="").hex(), "cannot be ::"),
        (rule(ports=option(93, b"\x06\x07\xfe")).hex(), "has 3 bytes"),
        (rule(ports=option(93, b"\x06\x07\x00\x7f")).hex(), "longer than the 7 bits"),
        (rule(ports=option(93, b"\x06\x11\x00\x00")).hex(), "longer than the 17 bits"),
        (rule(ports=option(93, b"\x0f\x07\xfe\x00")).hex(), "a port has only 16"),
        (rule(ports=option(93, b"\x10\x00\x00\x00")).hex(), "PSID offset 16"),
        ((rule() + option(90, BR[:8])).hex(), "has 8 bytes, not 16"),
        ((rule() + option(90, IPv6Address("fe80::1").packed)).hex(), "cannot be fe80::1"),
        ((rule() * 257).hex(), "257 rules"),
        ("\n".join([HEX] * 300), "300 options"),
    ],
)
def test_an_option_that_is_wrong_is_refused(text, reason):
    """With a reason in one line."""
    with pytest.raises(RemoteError, match=reason) as caught:
        dhcpv6.parse(text)
    assert str(caught.value).isprintable()


def never_anything_else(call, *values):
    """The value of CALL, or None where it raised the documented error."""
    found, reason = None, ""
    try:
        found = call(*values)
    except RemoteError as error:
        reason = str(error)
    assert reason.isprintable()
    return found


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    """As a message, as a container, as a rule in one."""
    never_anything_else(dhcpv6.from_message, data)
    never_anything_else(dhcpv6.from_message, b"\7\0\0\0" + data)
    never_anything_else(dhcpv6.parse, data.hex())
    never_anything_else(dhcpv6.parse, option(89, data).hex())


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(CONTAINER) - 1), st.integers(0, 255))
def test_a_container_with_a_wrong_byte_is_read_or_refused(at, byte):
    """A right container with one byte wrong."""
    data = bytearray(CONTAINER)
    data[at] = byte
    answer = never_anything_else(dhcpv6.parse, data.hex())
    if answer:
        assert len(answer.rules) == 1


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Lease files and environments of any text."""
    never_anything_else(dhcpv6.parse, text)
    dhcpv6.from_lease_file("lease6 {\n" + text, "wan0")
    dhcpv6.from_environment({"new_dhcp6_unknown_94": text})


def colons(data):
    """Bytes as dhclient writes them: no leading zeros."""
    return ":".join(f"{byte:x}" for byte in data)


LEASES = f"""\
default-duid "\\000\\001";
lease6 {{
  interface "wan0";
  ia-pd 12:34:56:78 {{
    starts 1700000000;
    iaprefix 2001:db8:1:2abc::/64 {{
      starts 1700000000;
    }}
  }}
  option dhcp6.client-id 0:1:0:1;
  option dhcp6.name-servers 2001:db8::53,2001:db8::54;
  option dhcp6.unknown-94 {colons(CONTAINER)};
}}
lease6 {{
  interface "wan9";
  option dhcp6.name-servers 2001:db8:9::53;
}}
"""


def test_a_lease_of_dhclient():
    """The last one of the interface, as dhclient writes it."""
    lease = dhcpv6.from_lease_file(LEASES, "wan0")
    assert lease == dhcpv6.Lease((HEX,), ("2001:db8::53", "2001:db8::54"))
    assert dhcpv6.from_lease_file(LEASES, "wan9").containers == ()
    assert dhcpv6.from_lease_file(LEASES, "lan0") is None
    named = LEASES.replace("unknown-94", "s46-cont-mape")
    assert dhcpv6.from_lease_file(named, "wan0").text == HEX
    gone = LEASES + 'lease6 {\n  interface "wan0";\n}\n'
    assert dhcpv6.from_lease_file(gone, "wan0") == dhcpv6.Lease()


def test_a_lease_of_dhcpcd():
    """It keeps the reply itself."""
    servers = IPv6Address("2001:db8::53").packed
    message = b"\x07abc" + option(1, b"x") + option(94, CONTAINER) + option(23, servers)
    assert dhcpv6.from_message(message) == dhcpv6.Lease((HEX,), ("2001:db8::53",))
    with pytest.raises(RemoteError, match="not a DHCPv6 reply"):
        dhcpv6.from_message(b"\x02abc" + option(94, CONTAINER))


@pytest.mark.parametrize(
    "environ",
    [
        {"new_dhcp6_unknown_94": colons(CONTAINER)},
        {"new_dhcp6_s46_cont_mape": colons(CONTAINER)},
        {"raw_dhcp_option_94": HEX.upper()},
    ],
)
def test_the_environment_of_a_hook_has_the_option(environ):
    """Of dhclient without and with a name for the option, and of dhcp6c."""
    assert dhcpv6.from_environment(environ) == HEX


def test_an_environment_without_it():
    """Nothing, and nothing where dhcpcd decoded it wrongly."""
    assert not dhcpv6.from_environment({})
    assert not dhcpv6.from_environment(
        {
            "new_dhcp6_s46_cont_mape_s46_rule_ea_len": "12",
            "new_dhcp6_s46_cont_mape": "12 24 203.0.113.0",
        }
    )

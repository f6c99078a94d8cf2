"""Configurations that are refused: file, line, section, key and reason."""

import re

import pytest
from config_texts import assert_refused, refusal
from hypothesis import given
from hypothesis import strategies as st
from machine import BASE

from dualwan.config import from_text, load
from dualwan.errors import ConfigError


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param('"wan0"', '"wan0', "not valid TOML", id="not TOML"),
        pytest.param(
            "[lan]",
            "[lann]",
            "lann: unknown section 'lann'; did you mean 'lan'?",
            id="unknown section",
        ),
        pytest.param(
            "dial = false",
            "dail = false",
            "pppoe.dail: unknown key 'dail'; did you mean 'dial'?",
            id="unknown key",
        ),
        pytest.param(
            "dial",
            "zzz",
            "known: peer, interface, table, priority, mtu, dial",
            id="unknown key like no other",
        ),
        pytest.param(
            "2001:db8:ffff::9",
            "2001:db8:ffff:9",
            "mape.br: '2001:db8:ffff:9' is no IPv6",
            id="bad IPv6 address",
        ),
        pytest.param(
            "192.0.2.18",
            "192.0.2.256",
            "mape.ipv4: '192.0.2.256' is no IPv4",
            id="bad IPv4 address",
        ),
        pytest.param(
            "192.0.2.18",
            "0.0.0.0",  # noqa: S104 - a wrong address, and nothing is bound
            "mape.ipv4: '0.0.0.0' cannot be",
            id="an address that is none",
        ),
        pytest.param("2001:db8:ffff::9", "ff02::1", "mape.br: 'ff02::1' cannot be", id="multicast"),
        pytest.param(
            "2001:db8:ffff::9",
            "fe80::1%wan0",
            "mape.br: 'fe80::1%wan0': write",
            id="address with a zone",
        ),
        pytest.param(
            "2001:db8:0:100:99:f000:0:100",
            "2001:db8:ffff::9",
            "cannot be the same",
            id="relay and CE the same",
        ),
        pytest.param(
            "psid = 1",
            "psid = 64",
            "mape.psid: PSID 64 does not fit into 6 bits (0 to 63)",
            id="PSID too large for its length",
        ),
        pytest.param(
            "psid = 1",
            "psid = 1\npsid-offset = 11",
            "need 17 bits",
            id="offset and length too long together",
        ),
        pytest.param(
            "psid = 1",
            "psid = -1",
            "mape.psid: must be a number from 0 to 65535, not -1",
            id="out of range",
        ),
        pytest.param("psid = 1", "psid = true", "mape.psid: must be a number", id="wrong type"),
        pytest.param("psid = 1", 'psid = "1"', "mape.psid: must be a number", id="text for number"),
        pytest.param(
            '"manual"',
            '"nobody"',
            "mape.provider: unknown provider 'nobody'; known: auto",
            id="unknown provider",
        ),
        pytest.param('"manual"', '"v6plsu"', "did you mean 'v6plus'?", id="provider misspelled"),
        pytest.param(
            'provider = "manual"\nbr',
            "br",
            "mape.br: unknown key 'br'",
            id="values by hand with auto",
        ),
        pytest.param(
            "psid = 1",
            "psid = 1\nwait = 301",
            "mape.wait: must be a number from 0 to 300",
            id="wait",
        ),
        pytest.param("dial = false", 'dial = "no"', "pppoe.dial: must be true or false", id="flag"),
        pytest.param(
            "dial = false", "mtu = 100", "pppoe.mtu: must be a number from 576 to 1500", id="mtu"
        ),
        pytest.param(
            "dial = false",
            "table = 254",
            "pppoe.table: table 254 or the next belongs to the kernel",
            id="the main table",
        ),
        pytest.param(
            "dial = false",
            "table = 252",
            "pppoe.table: table 252 or the next belongs to the kernel",
            id="the table before the default one",
        ),
        pytest.param(
            "dial = false",
            "priority = 32765",
            "pppoe.priority: must be a number from 1",
            id="rules after main",
        ),
        pytest.param(
            "dial = false",
            'peer = "../passwd"',
            "pppoe.peer: '../passwd' is no name",
            id="peer with a path",
        ),
        pytest.param(
            "dial = false", 'peer = "-x"', "pppoe.peer: '-x' is no name", id="peer like an option"
        ),
        pytest.param(
            '"wan0"',
            '"wan0"\nprobe = ["198.51.100.1"]',
            "wan.probe: serves failover, which is not switched on (failover = true)",
            id="probe without failover",
        ),
        pytest.param(
            '"wan0"',
            '"wan0"\nfailover = false\nprobe = ["198.51.100.1"]',
            "wan.probe: serves failover, which is not switched on (failover = true)",
            id="probe with failover switched off",
        ),
    ],
)
def test_a_wrong_configuration_is_refused(old, new, says):
    """Each kind of error names file and line and, where one is concerned, section and key."""
    assert_refused(old, new, says)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = ["htp"]\n',
            "unknown service 'htp'; did you mean 'http'?",
            id="unknown service",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\noutbound = ["tcp/70000"]\n',
            "a port is 1 to 65535",
            id="port too large",
        ),
        pytest.param(
            "[pppoe]\n",
            "[firewall]\ninbound = [22]\n",
            "a service is a text",
            id="number for service",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = [{ service = "esp", guard = true }]\n',
            "'esp' has no ports, by which the guard counts connections",
            id="guard of a protocol without ports",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = [{ service = "ssh", via = "ipv4" }]\n',
            'via must be "pppoe", "ipv6" or a list of them, not \'ipv4\'',
            id="service by a way that is none",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = [{ service = "ssh", via = [] }]\n',
            'via must be "pppoe", "ipv6" or a list of them, not []',
            id="service by no way",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = [{ service = "ssh", via = [{ a = 1 }] }]\n',
            'via must be "pppoe", "ipv6" or a list of them',
            id="service by a table",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = [{ service = "ssh", via = "ipv6", from = ["192.0.2.0/24"] }]\n',
            "'ssh' via \"ipv6\": from must be IPv6 networks",
            id="service by IPv6 for IPv4",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = ["ssh", { service = "ssh", via = ["pppoe", "ipv6"] }]\n',
            "'ssh' is listed twice, in different words",
            id="service twice by one way",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = [{ service = "ssh", from = [\n# "192.0.2.0/24"\n] }]\n',
            "'from' is empty: leave it out if the service is for all",
            id="service for nobody",
        ),
        pytest.param(
            "[pppoe]\n",
            '[firewall]\ninbound = [{ service = "ssh", from = ["fe80::%wan0/64"] }]\n',
            "'fe80::%wan0/64': write the address without %wan0",
            id="network with a zone, which nft does not know",
        ),
    ],
)
def test_a_wrong_service_is_refused(old, new, says):
    """One that nobody knows, or that is offered in a way that cannot be."""
    assert_refused(old, new, says)


@pytest.mark.parametrize(("section", "lines"), [("wan", 2), ("lan", 2), ("mape", 7)])
def test_a_missing_section_is_named(section, lines):
    """Sections without defaults have to be there."""
    text = re.sub(rf"\[{section}\]\n(.+\n){{{lines - 1}}}", "", BASE)
    assert f"the section [{section}] is missing" in refusal(text)[1]


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("wan", "interface"),
        ("lan", "interfaces"),
        ("mape", "br"),
        ("mape", "ce"),
        ("mape", "ipv4"),
        ("mape", "psid"),
        ("mape", "psid-length"),
    ],
)
def test_a_missing_key_is_reported_at_its_section(section, key):
    """A key without default that is not there is named, with the line of its section."""
    text = re.sub(rf"^{key} = .*\n", "", BASE, count=1, flags=re.MULTILINE)
    line = text[: text.index(f"[{section}]")].count("\n") + 1
    assert refusal(text) == (line, f"{section}: '{key}' is missing")


def test_an_array_of_tables_is_no_section():
    """[[wan]] is refused, not taken for its first element."""
    assert "must be a table, as in [wan]" in refusal(BASE.replace("[wan]", "[[wan]]"))[1]


def test_only_the_first_error_is_told_to_an_event():
    """One line for the log; a person gets all of them (test_config_every_error.py)."""
    text = BASE.replace("wan0", "a b").replace("lan0", "c d").replace("192.0.2.18", "x")
    assert refusal(text)[1].startswith("wan.interface")


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    """An unreadable file is a configuration error with its name, as a broken one is."""
    path = tmp_path / "dualwan.toml"
    with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}: cannot be read: No such"):
        load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}:1: is not UTF-8"):
        load(path)
    path.write_text(BASE)
    assert load(path).path == str(path)


LINES = BASE.splitlines()


@given(st.sampled_from(range(len(LINES))), st.text(max_size=12))
def test_any_line_may_be_garbled(at, garbage):
    """Whatever one line is replaced by, it is accepted or refused with file, line and reason."""
    text = "\n".join([*LINES[:at], garbage, *LINES[at + 1 :]]) + "\n"
    try:
        from_text("dualwan.toml", text)
    except ConfigError as error:
        assert re.match(r"dualwan\.toml:\d+: .", str(error))  # noqa: PT017 - or none at all

"""Zones: what a configuration may say of them, and what the rules make of it."""

import re
from dataclasses import replace as changed_copy
from ipaddress import ip_address

import pytest
from config_texts import errors, refusal
from doctor_cases import Doctored
from golden_cases import nft_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from machine import BASE, Machine, config, run, wanted_tables

from dualwan.config import WAYS as OF_IPV4
from dualwan.config import from_text
from dualwan.config.firewall import IPV6
from dualwan.doctor import Result
from dualwan.errors import ConfigError
from dualwan.findings import find
from dualwan.findings.ssh_session import cut
from dualwan.frozen import replace
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.evidence import Device
from dualwan.model.ssh_session import SshSession
from dualwan.model.surroundings import Surroundings
from dualwan.planning import make_plan
from dualwan.report import zones
from dualwan.report.policy_row import BY_IPV6
from dualwan.slices import firewall

WAYS = (*OF_IPV4, IPV6)
GUEST = BASE + '[zone.guest]\ninterfaces = ["guest0", "wlan*"]\n'
BOTH = GUEST + '[zone.dmz]\ninterfaces = ["dmz0"]\n'
HEAD, KEY = BASE.count("\n") + 1, BASE.count("\n") + 2  # lines of the first zone


def zone(**keys):
    """Return the first zone of a configuration with these lines in it."""
    return config(GUEST + "".join(f"{key} = {value}\n" for key, value in keys.items())).zones[0]


def chains(text):
    """Return the rules of each chain of all tables by name, each of which is there once."""
    made = config(text)
    found = {}
    for table in wanted_tables(made, derive_line(made)):
        assert len(table.blocks) == len({block.key for block in table.blocks})
        found |= {block.name: [*map(str, block.lines)] for block in table.blocks}
    return found


def test_a_guest_needs_no_more_than_its_interfaces():
    """DHCP, DNS and ping of the router, the internet by each way, no other zone, no limit."""
    found = zone()
    assert [one.name for one in found.services] == ["dhcp", "dns", "ping"]
    assert (found.zones, found.ways, found.max_share) == ((), WAYS, 100)
    assert [name for name in ("guest0", "wlan7", "guest1", "lan0") if found.has(name)] == [
        "guest0",
        "wlan7",
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BASE + "[zone.guest]\n", HEAD, "zone.guest: 'interfaces' is missing"),
        (BASE + "[[zone]]\n", HEAD, "zone: must be tables, as in [zone.guest]"),
        (BASE + '[zone.lan]\ninterfaces = ["a"]\n', HEAD, "zone.lan: the LAN's own section is"),
        (BASE + '[zone.Guest]\ninterfaces = ["a"]\n', HEAD, "'Guest' is no name of a zone"),
        (
            BASE + "[zone.a-name-too-long]\ninterfaces = ['a']\n",
            HEAD,
            "'a-name-too-long' is no name of a zone",
        ),
        (
            GUEST + 'ways = ["wan"]\n',
            KEY + 1,
            "zone.guest.ways: 'wan' is none of mape, pppoe, ipv6",
        ),
        (BOTH + 'zones = ["gest"]\n', KEY + 3, "zone.dmz.zones: 'gest' is none of lan, guest"),
        (BOTH + 'zones = ["dmz"]\n', KEY + 3, "zone.dmz.zones: 'dmz' is none of lan, guest"),
        (GUEST + 'services = ["dsn"]\n', KEY + 1, "unknown service 'dsn'; did you mean 'dns'?"),
        (GUEST + "max-share = 5\n", KEY + 1, "zone.guest.max-share: must be a number from 10 to"),
        (GUEST + "maxshare = 50\n", KEY + 1, "unknown key 'maxshare'; did you mean 'max-share'?"),
        (
            GUEST.replace("guest0", "lan0"),
            KEY,
            "zone.guest.interfaces: the interface 'lan0' is listed twice, also in lan.interfaces",
        ),
        (GUEST.replace("guest0", "wan0"), KEY, "'wan0' is listed twice, also in wan.interface"),
        (GUEST.replace("guest0", "mape0"), KEY, "'mape0' is listed twice, also in mape.tunnel"),
        (
            BOTH.replace("dmz0", "guest0"),
            KEY + 2,
            "zone.dmz.interfaces: the interface 'guest0' is listed twice, also in "
            "zone.guest.interfaces",
        ),
        (
            BOTH.replace("dmz0", "wlan3"),
            KEY,
            "zone.guest.interfaces: 'wlan*' covers 'wlan3' (zone.dmz.interfaces) too",
        ),
        (
            BOTH.replace("dmz0", "wl*"),
            KEY + 2,
            "zone.dmz.interfaces: 'wl*' covers 'wlan*' (zone.guest.interfaces) too",
        ),
        (GUEST.replace("wlan*", "la*"), KEY, "'la*' covers 'lan0' (lan.interfaces) too"),
        (
            GUEST.replace('["lan0"]', '["gu*"]'),
            5,
            "lan.interfaces: 'gu*' covers 'guest0' (zone.guest.interfaces) too",
        ),
        (GUEST.replace("wlan*", "ppp*"), KEY, "zone.guest.interfaces: 'ppp*' covers 'ppp0'"),
        (GUEST.replace("wlan*", "ppp1*"), KEY, "'ppp1*' may cover the PPPoE session"),
    ],
)
def test_what_no_zone_can_be(text, line, message):
    """Each with file, line and key, and with the section that has the interface already."""
    at, said = refusal(text)
    assert message in said
    assert at == line


def test_all_errors_of_zones_are_told_at_once():
    """Whatever is wrong with one zone, what is wrong with another is found too."""
    text = (
        BASE + '[zone.guest]\nways = ["none"]\n[zone.dmz]\ninterfaces = ["dmz0"]\nmax-share = 1\n'
    )
    assert [(line, said.partition(": ")[0]) for line, said in errors(text)] == [
        (HEAD, "zone.guest"),
        (HEAD + 1, "zone.guest.ways"),
        (HEAD + 4, "zone.dmz.max-share"),
    ]
    assert [line for line, _ in errors(BOTH.replace("dmz0", "lan0"))] == [KEY + 2]


def test_a_key_of_a_later_version_may_be_what_keeps_a_zone_closed():
    """So it is an error even where unknown keys of other sections are ignored."""
    known = BASE.replace("[pppoe]", "[pppoe]\nlater = 1")
    assert from_text("f", known, of_any_version=True) == from_text("f", BASE)
    with pytest.raises(ConfigError, match=r"unknown key 'later'"):
        from_text("f", GUEST + "later = 1\n", of_any_version=True)


@pytest.mark.parametrize("case", nft_cases(), ids=lambda case: case.name)
def test_rules_of_zones_are_there_for_zones_only(case):
    """Each configuration without a zone has the tables of one to which none was ever added."""
    made = replace(case.config, zones=())
    texts = [table.source() for table in wanted_tables(made, case.line)]
    assert not [text for text in texts if re.search(r"zone|vmap \{ \}", text)]
    if not case.config.zones:
        assert texts == [table.source() for table in case.tables.values()]


@pytest.mark.parametrize("case", nft_cases(), ids=lambda case: case.name)
def test_a_zone_takes_nothing_from_the_lan(case):
    """With a zone beside it each chain has the rules that it had, or they name one device more."""
    one = config(BASE + '[zone.a]\ninterfaces = ["zone-a"]\n').zones[0]
    without = replace(case.config, zones=())
    tables = [
        wanted_tables(made, derive_line(made, ("2001:db8:0:100::/64",)))
        for made in (without, replace(without, zones=(one,)))
    ]
    for before, after in zip(*tables, strict=True):
        kept = {block.key: block for block in after.blocks}
        for block in before.blocks:
            rules = [str(line) for line in block.lines]
            more = [
                re.sub(r'(, "zone-a"|"zone-a", )', "", str(line)) for line in kept[block.key].lines
            ]
            assert [line for line in more if line in rules] == rules, block.name
            assert all("zone" in line for line in more if line not in rules), block.name


ZONES = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_-]{0,13}", fullmatch=True).filter(lambda name: name != "lan"),
    st.tuples(
        st.lists(st.sampled_from(WAYS), unique=True),
        st.integers(10, 100),
        st.booleans(),
    ),
    max_size=4,
)


@settings(max_examples=25, deadline=None)
@given(ZONES)
def test_a_zone_reaches_what_it_lists(drawn):
    """Whatever the zones are: devices of their ways, the LAN where it is listed, themselves."""
    text = BASE + "".join(
        f'[zone.{name}]\ninterfaces = ["z{at}"]\nways = {ways}\nmax-share = {share}\n'
        + ('zones = ["lan"]\n' if lan else "")
        for at, (name, (ways, share, lan)) in enumerate(drawn.items())
    )
    found = chains(text)
    for at, (name, (ways, share, lan)) in enumerate(drawn.items()):
        through = found[f"zone_through_{name}"]
        reached = {
            device for rule in through for device in re.findall(r'"([^"]+)"', rule) if "oif" in rule
        }
        devices = {"mape": "mape0", "pppoe": "ppp0", "ipv6": "wan0"}
        assert reached == {devices[way] for way in ways} | {f"z{at}"} | ({"lan0"} if lan else set())
        assert (through[-1], found[f"zone_in_{name}"][-1]) == ("drop", "drop")
        assert (f"quota_zone_{name}" in found) == (share < 100)


def test_a_zone_without_the_default_way_takes_the_first_of_its_own():
    """And one without any way is led nowhere."""
    for ways, led in (('["pppoe", "ipv6"]', 1), ('["ipv6"]', 0), ("[]", 0), ('["mape"]', 0)):
        made = config(GUEST + f"ways = {ways}\n")
        (table,) = (
            one for one in wanted_tables(made, derive_line(made)) if one.name == "dualwan_pbr"
        )
        assert table.source().count('"guest0" : jump zone_way_guest') == led
        assert table.source().count("chain zone_way_guest") == led


@pytest.mark.parametrize(
    ("port", "device", "expected"),
    [
        (22, "guest0", "tcp/22 is not among the services of [zone.guest], by which it comes"),
        (22, "wlan1", "tcp/22 is not among the services of [zone.guest], by which it comes"),
        (2222, "guest0", ""),
    ],
)
def test_who_logs_in_from_a_zone_is_warned(port, device, expected):
    """Where the plan shuts the port that the session uses."""
    machine = Machine("wan0", "lan0")
    text = GUEST + 'services = ["dns", "tcp/2222"]\n'
    plan = make_plan(config(text), machine, Event.APPLY)
    one = SshSession(ip_address("10.0.5.2"), ip_address("10.0.5.1"), port, device, by_default=False)
    assert (expected in cut(plan, one)) if expected else cut(plan, one) == ""
    run(machine, config(text), Event.APPLY)


def test_a_device_of_a_zone_is_named():
    """What was dropped before the configuration had the zone is no finding."""
    assert find(config(GUEST), Surroundings(unnamed={"guest0": 3, "wlan1": 2})) == ()


def test_doctor_looks_for_the_devices_of_a_zone():
    """One that is missing is named with its section; a pattern may cover none."""
    made = Doctored(GUEST)
    made.evidence = changed_copy(
        made.evidence, devices={**made.evidence.devices, "guest0": Device()}
    )
    by_name = {one.check.name: one.answer for one in made.diagnose()}
    assert by_name["lan"].result is Result.OK
    gone = Doctored(GUEST)
    answer = {one.check.name: one.answer for one in gone.diagnose()}["lan"]
    assert answer.seen == "there is no interface guest0"
    assert answer.remedy.startswith("correct interfaces of [zone.guest]")


@pytest.mark.parametrize(
    ("lan", "more", "open_"),
    [
        ("lan0", "", False),
        ("lan0", 'zones = ["lan"]\n', False),
        ("wan0", "", False),
        ("wan0", 'zones = ["lan"]\n', True),
    ],
)
def test_neighbours_on_the_wan_are_for_who_may_reach_the_lan_there(lan, more, open_):
    """With one NIC its hosts are on that link by IPv6; for nobody else in a zone."""
    found = config(GUEST.replace('["lan0"]', f'["{lan}"]') + more)
    table = firewall.wanted_table(found, derive_line(found).ways)
    (through,) = (block for block in table.blocks if block.name == "zone_through_guest")
    drops = [line for line in through.lines if "ip6 daddr { 2001:db8:0:100::/64" in str(line)]
    assert bool(drops) is not open_
    told = zones.rows(found, derive_line(found).ways)
    (row,) = (row for row in told if row.destination == BY_IPV6)
    assert (row.what == "everything") is open_

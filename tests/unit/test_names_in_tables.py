"""Names that the owner gives, in the names of chains and sets: none makes two of them one."""

import pytest
from machine import BASE

from dualwan.config import from_text
from dualwan.errors import ConfigError
from dualwan.line import derive_line
from dualwan.nft import stored
from dualwan.slices import firewall, snat
from dualwan.slices.pbr.marking import wanted_table as pbr_table

WAY, ZONE = "Wq", "zq"  # in no name of ours
MORE = """
[way.{way}]
type = "{kind}"
{ends}
addresses = ["203.0.113.128/29"]
open = ["http"]
[[policy]]
way = "{way}"
source = "192.168.1.7"
fallback = "pppoe"
[[forward]]
via = "{way}"
protocol = "tcp"
port = 8080
to = "192.168.1.20"
[firewall]
inbound = [{{ service = "https", via = "{way}" }}]
[zone.{zone}]
interfaces = ["guest0"]
max-share = 20
"""
KINDS = {
    "ipip": 'br = "2001:db8::1"\nipv4 = "203.0.113.80"\ninterface-id = "::1:2:3:4"\ntunnel = "xx0"',
    "pppoe": 'peer = "xx"\ninterface = "ppp9"',
}


def tables_of(kind, way=WAY, zone=ZONE):
    """Return the tables of a router with a way and a zone of these names."""
    text = BASE + MORE.format(kind=kind, ends=KINDS[kind], way=way, zone=zone)
    config = from_text("dualwan.toml", text)
    ways = derive_line(config).ways
    return [make(config, ways) for make in (firewall.wanted_table, snat.wanted_table, pbr_table)]


def names(kind, way=WAY, zone=ZONE):
    """Return kind and name of the blocks of each table."""
    return [[block.key for block in table.blocks] for table in tables_of(kind, way, zone)]


def like(kind, given):
    """Return what GIVEN would have to be for a name with it to be another name as well."""
    found = set()
    for table in names(kind):
        all_names = {name for _, name in table}
        for before, _, after in (name.partition(given) for name in all_names if given in name):
            for name in all_names:
                inner = name.removeprefix(before).removesuffix(after)
                if given not in name and name == f"{before}{inner}{after}":
                    found.add(inner)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("given", ["way", "zone"])
def test_no_name_is_another_one_too(kind, given):
    """Whatever a way or a zone is called; what would be is refused as a name."""
    for name in {*like(kind, {"way": WAY, "zone": ZONE}[given]), "filter", "all", "routed_x"}:
        try:
            tables = names(kind, **{given: name})
        except ConfigError:
            continue
        for table in tables:
            assert len(table) == len(set(table)), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_with_any_name_is_known_again(kind):
    """Its record is read back whole; else each run would take it for changed, and load it anew."""
    for table in tables_of(kind, "A-z9", "a_-9"):
        assert stored.decode(table.family, table.name, stored.encode(table)) == table

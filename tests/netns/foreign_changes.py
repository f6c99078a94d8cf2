"""What other programs add beside ours, on a machine and on its double; all of it stays."""

from dataclasses import replace

from dualwan.model.resources import Address
from dualwan.nft.table import NftTable

RULE = "from 10.9.0.0/16 lookup 50"
ROUTE, ROUTE_TABLE = "10.8.0.0/16", "50"
ADDRESS = Address("lan0", "10.7.0.1")
TABLE = NftTable("inet", "theirs")


def _ip(pair, command):
    """Run ip; what is there already stays."""
    pair.line.router.run("ip", *command.split(), check=False)


def rule(pair):
    """Add an ip rule, which no double shows: it is not ours."""
    _ip(pair, f"rule del priority 50 {RULE}")
    _ip(pair, f"rule add priority 50 {RULE}")
    pair.theirs.add(RULE)
    pair.compare("a rule of theirs")


def route(pair):
    """Add a route, in a table of theirs and on the loopback device, which stays."""
    _ip(pair, f"route replace {ROUTE} dev lo table {ROUTE_TABLE}")
    pair.theirs.add(ROUTE)
    pair.compare("a route of theirs")


def address(pair):
    """Add an address on a device that we look at."""
    _ip(pair, f"address replace {ADDRESS.address}/32 dev {ADDRESS.device}")
    if ADDRESS not in pair.double.state.addresses:
        addresses = (*pair.double.state.addresses, ADDRESS)
        pair.double.state = replace(pair.double.state, addresses=addresses)
    pair.compare("an address of theirs")


def table(pair):
    """Add an nft table."""
    pair.line.router.run("nft", "add", "table", TABLE.family, TABLE.name)
    if TABLE not in pair.double.state.tables:
        pair.double.generation += 1
        pair.double.state = replace(pair.double.state, tables=(*pair.double.state.tables, TABLE))
    pair.compare("a table of theirs")


ALL = (rule, route, address, table)


def check(pair):
    """Fail where something of theirs is gone, and take it away."""
    router, there = pair.line.router, pair.double.state
    rules = router.run("ip", "rule", "show", "priority", "50")
    routes = router.run("ip", "route", "show", "table", ROUTE_TABLE, check=False)
    for listed, wanted, command in (
        (rules, RULE, f"rule del priority 50 {RULE}"),
        (routes, ROUTE, f"route flush table {ROUTE_TABLE}"),
    ):
        assert (wanted in listed) == (wanted in pair.theirs)
        _ip(pair, command)
    assert (TABLE.name in router.run("nft", "list", "tables")) == (TABLE in there.tables)
    listed = router.run("ip", "-4", "address", "show", "dev", ADDRESS.device)
    assert (f"{ADDRESS.address}/32" in listed) == (ADDRESS in there.addresses)
    _ip(pair, f"address del {ADDRESS.address}/32 dev {ADDRESS.device}")

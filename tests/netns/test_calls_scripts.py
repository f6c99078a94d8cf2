"""S3: mape.sh and pppoe.sh still run: they are named, and what stood before is not taken away."""

import json
from pathlib import Path

import pytest
from line import CONFIG, PPPOE

SHELL = Path(__file__).parents[1] / "bench" / "baseline.sh"  # the commands of both scripts
CE = "2001:db8:0:100:99:f000:0:100"


@pytest.fixture(name="scripted")
def _scripted(bare):
    """Return a line on whose router mape.sh has run `ip` and `sysctl`."""
    line = bare(config=CONFIG)
    line.router.run("ip", "link", "del", "mape0")
    line.router.ip(f"address add {CE} dev wan0\nroute add default dev lan0")
    return line


def obstacles(line, *argv):
    """Return the codes of what the command says of the scripts; their drops are said apart."""
    found = json.loads(line.hook(*argv, "--json").stdout)["findings"]
    return [one["code"] for one in found if one["code"].startswith("script-")]


def ce(line):
    """Return how the CE address stands on the WAN, "" where it does not."""
    text = line.router.run("ip", "-o", "-6", "address", "show", "dev", "wan0")
    row = next((row for row in text.splitlines() if f" {CE}/128 " in row), "")
    return row.replace(" nodad", "").replace(" tentative", "")  # for a second, on a new link


def test_what_the_scripts_left_is_named_by_dry_run_and_status(scripted):
    """Chains of both, and the rule; nothing of that is there once they are stopped."""
    for event in ("mape-start", "pppoe-start"):
        scripted.router.run(SHELL, event, "ip6tnl1", "ppp0", PPPOE)
    left = ["script-chains", "script-chains", "script-rule"]
    for argv in (("--dry-run",), ("status",)):
        assert obstacles(scripted, *argv) == left
    text = scripted.hook("--dry-run").stdout
    assert "obstacle: the chains of mape.sh filter and translate beside ours: MAPE" in text
    assert "MAPEnatPOSTROUTING (ip nat)" in text
    assert f"obstacle: rule 100: from {PPPOE} lookup 100 is not ours" in text
    remedy = text.split(f"ip rule del from {PPPOE}")[1].split("`")[0]
    scripted.router.run("ip", "rule", "del", "from", PPPOE, *remedy.split())
    for event in ("pppoe-stop", "mape-stop"):
        scripted.router.run(SHELL, event, "ip6tnl1", "ppp0", PPPOE, check=False)
    assert obstacles(scripted, "--dry-run") == []
    scripted.apply("pbr")  # as the remedy says: `MODE=stop` took away ours, which looks the same
    assert f"from {PPPOE}" in "".join(scripted.rules())


def test_chains_of_iptables_legacy_are_named_too(bare):
    """They are not in nft's listing; their own program is in the remedy."""
    line = bare()
    for chain in ("MAPEINPUT", "PPPOESSHATTACK"):
        line.router.run("iptables-legacy", "-N", chain)
    text = line.hook("--dry-run").stdout
    assert "MAPEINPUT (iptables-legacy filter)" in text
    assert "`iptables-legacy -t TABLE -D FROM -j CHAIN`" in text


def test_an_address_that_stood_before_is_as_it_was_after_down(scripted):
    """It is deprecated while we run, as ours would be; then it is preferred again, and there."""
    before = ce(scripted)
    assert "deprecated" not in before
    scripted.hook("--slice", "snat", "--slice", "tunnel")
    assert "deprecated" in ce(scripted)
    scripted.hook("--slice", "snat", "--slice", "tunnel")  # again: it does not become ours
    assert scripted.hook("down").returncode == 0
    assert ce(scripted) == before
    assert "default dev lan0" in scripted.router.run("ip", "route")
    assert scripted.router.sysctl("net/ipv4/ip_forward") == "1"


def test_down_without_an_apply_takes_nothing_of_others(scripted):
    """The address of the configuration is there, and nobody has noted it as ours."""
    before = ce(scripted)
    scripted.hook("down")
    assert ce(scripted) == before


def test_an_address_that_its_owner_takes_away_becomes_ours(scripted):
    """`MODE=stop` removes it; what we add then is gone after down."""
    scripted.hook("--slice", "snat", "--slice", "tunnel")
    scripted.router.ip(f"address del {CE} dev wan0")
    scripted.hook("--slice", "snat", "--slice", "tunnel")
    assert "deprecated" in ce(scripted)
    scripted.hook("down")
    assert ce(scripted) == ""


def test_an_address_of_another_length_is_named_and_stays_whole(bare):
    """interfaces(5) or netplan give it a /64; the kernel would change that one in its place."""
    line = bare(config=CONFIG)
    line.router.ip(f"link del mape0\naddress add {CE}/64 dev wan0 nodad")
    before = line.router.run("ip", "-6", "address", "show", "dev", "wan0")
    done = line.hook("--slice", "snat", "--slice", "tunnel")
    assert done.returncode == 4
    assert f"{CE}/64 is on wan0 already" in done.stderr
    assert line.router.run("ip", "-6", "address", "show", "dev", "wan0") == before

"""What init finds on a machine: interfaces, the line's advertisement, rules in the kernel."""

import os
import sys
from contextlib import closing

import pytest
from space import Namespace, own_mounts

PREFIX = "240b:13:1a65:a100::"
SCRIPT = """\
set -e
mount -t sysfs sysfs /sys
exec "$@"
"""


@pytest.fixture(name="router")
def _router():
    """Return a router with a line, a LAN, a bridge and a tunnel; the line announces nothing."""
    with closing(Namespace("router")) as router, closing(Namespace("line")) as line:
        router.ip(f"""
            link add wan0 type veth peer name isp netns {line.name}
            link add lan0 type veth peer name host netns {line.name}
            link add br0 type bridge
            link set wan0 up
            link set lan0 up
            address add 192.168.1.1/24 dev lan0
        """)
        line.ip("link set isp up\nlink set host up\n")
        yield router


def init(router, tmp_path, *argv):
    """Run init in the router's network, with the /sys that belongs to it; return what it says."""
    command = [sys.executable, "-B", "-m", "dualwan.cli", "init", "--dry-run", *argv]
    mounts = own_mounts(SCRIPT)
    return router.run(
        *mounts,
        "sh",
        *command,
        env={**os.environ, "DUALWAN_CONFIG": str(tmp_path / "dualwan.toml")},
    )


def test_interfaces_are_found_as_they_are(router, tmp_path):
    """Kind, driver, carrier and addresses; loopback is none."""
    shown = init(router, tmp_path, "--wan", "wan0", "--lan", "lan0")
    lines = dict(
        line.strip().split("  ", 1) for line in shown.split("Read:")[0].splitlines()[1:] if line
    )
    assert set(lines) == {"wan0", "lan0", "br0"}
    assert lines["wan0"].strip().startswith("veth, ")
    assert "carrier" in lines["wan0"]
    assert "192.168.1.1/24" in lines["lan0"]
    assert lines["br0"].strip() == "bridge, no carrier"
    assert "no prefix is on the WAN now" in shown


def test_the_line_is_known_by_its_prefix_and_route(router, tmp_path):
    """As after a router advertisement; the rule of the prefix is named."""
    router.ip(f"""
        address add {PREFIX}1/64 dev wan0 nodad
        route add default via fe80::1 dev wan0
    """)
    shown = init(router, tmp_path, "--wan", "wan0", "--lan", "lan0")
    assert f"prefix {PREFIX}/64, hears a router advertisement" in " ".join(shown.split())
    assert "matches a rule of v6plus" in " ".join(shown.split())
    assert "14.9.26.101" in shown


def test_rules_in_the_kernel_are_read(router, tmp_path):
    """By iptables-save, and taken over; nothing in the kernel is changed by that."""
    rule = "-A INPUT -i ppp0 -p tcp --dport 8443 -j ACCEPT"
    router.run("iptables", *rule.split())
    before = router.run("iptables-save", "-t", "filter")
    shown = init(router, tmp_path, "--wan", "wan0", "--lan", "lan0")
    assert "[firewall] inbound tcp/8443: open by PPPoE" in " ".join(shown.split())
    assert 'inbound = ["tcp/8443"]' in shown
    rules = [line for line in before.splitlines() if line.startswith("-A")]
    after = router.run("iptables-save", "-t", "filter")
    assert [line for line in after.splitlines() if line.startswith("-A")] == rules
    assert not (tmp_path / "dualwan.toml").exists()

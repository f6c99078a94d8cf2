"""Option 94 of a real DHCPv6 server (Kea), by way of each client that Debian has, and by none."""

import pytest
from dhcpv6_line import OPTION, RELAY, RESOLVER, RULE, Line
from programs import program, running
from space import until


@pytest.fixture(name="line")
def _line(tmp_path):
    line = Line(tmp_path)
    with line.kea():
        yield line
    line.close()


DHCLIENT = """\
option dhcp6.s46-cont-mape code 94 = string;
also request dhcp6.s46-cont-mape;
"""
DHCPCD = """\
ipv6only
option dhcp6_name_servers
option dhcp6_s46_cont_mape
interface wan0
    ia_na
"""
NO_FILES = """\
from dualwan.host import leases
leases.DHCLIENT = leases.DHCPCD = ()
"""


def test_dhclient_hands_it_over_by_an_exit_hook(line):
    """As ifupdown's `dhcp 1` runs it (-S), which keeps no lease: rule and relay are known."""
    etc = line.folder / "dhcp"
    for folder, name, text in (
        ("dhclient-enter-hooks.d", "no-resolv", "make_resolv_conf() { :; }\n"),
        ("dhclient-exit-hooks.d", "dualwan-hook", f"{line.hook()}\n"),
    ):
        (etc / folder).mkdir(parents=True)
        (etc / folder / name).write_text(text)
    (etc / "dhclient.conf").write_text(DHCLIENT)
    with running(
        line.router,
        *(program("dhclient"), "-6", "-1", "-d", "-S", "-cf", etc / "dhclient.conf"),
        *("-lf", line.folder / "leases", "-pf", line.folder / "pid"),
        *("-sf", program("dhclient-script"), "wan0"),
        covers=((etc, "/etc/dhcp"),),
    ):
        assert until(lambda: line.ran("RENEW6"))
    assert (line.state / "dhcpv6.wan0").read_text().strip() == OPTION
    assert line.learned(NO_FILES)["rules"] == [[RULE, RELAY]]


def test_dhclient_s_own_lease_says_the_same(line):
    """Without a hook its lease file is read, with the line's name servers."""
    (line.folder / "dhclient.conf").write_text(DHCLIENT)
    with running(
        line.router,
        *(program("dhclient"), "-6", "-1", "-d", "-cf", line.folder / "dhclient.conf"),
        *("-lf", line.folder / "leases", "-pf", line.folder / "pid", "-sf", line.hook(), "wan0"),
    ):
        assert until(lambda: line.ran("BOUND6"))
    assert (line.state / "dhcpv6.wan0").read_text().strip() == OPTION
    (line.state / "dhcpv6.wan0").unlink()
    files = NO_FILES + f"leases.DHCLIENT = ({str(line.folder / 'leases')!r},)\n"
    found = line.learned(files)
    assert (found["rules"], found["servers"]) == ([[RULE, RELAY]], [RESOLVER])
    assert found["origin"] == str(line.folder / "leases")


def test_dhcpcd_s_own_lease_says_it(line):
    """Its lease file is the reply to the letter; its hooks get it decoded, and not whole."""
    (line.folder / "dhcpcd.conf").write_text(DHCPCD)
    for name in ("db", "run"):
        (line.folder / name).mkdir()
    command = (program("dhcpcd"), "-B", "-6", "-f", line.folder / "dhcpcd.conf", "-c", line.hook())
    with running(
        line.router,
        *command,
        "wan0",
        covers=((line.folder / "db", "/var/lib/dhcpcd"), (line.folder / "run", "/run/dhcpcd")),
    ):
        assert until(lambda: line.ran("BOUND6"))
    found = line.learned(
        NO_FILES + f"leases.DHCPCD = ({str(line.folder / 'db')!r} + '/%s.lease6',)\n"
    )
    assert (found["rules"], found["servers"]) == ([[RULE, RELAY]], [RESOLVER])
    assert not (line.state / "dhcpv6.wan0").exists()


def test_without_a_client_the_line_is_asked(line):
    """`inet6 auto` runs no client: dualwan sends the information request itself."""
    found = line.learned(NO_FILES)
    assert found == {"servers": [RESOLVER], "origin": "DHCPv6 on wan0", "rules": [[RULE, RELAY]]}
    assert "wan0" not in line.router.run("ss", "-6uln"), "the port is free again"

"""Option 94 of a DHCPv6 server behind networkd, which keeps none of it; and without its client."""

import json
import shutil
from contextlib import contextmanager

import pytest
from dhcpv6_line import RELAY, RESOLVER, RULE, Line
from programs import machine_id, program, running
from space import until


@pytest.fixture(name="line")
def _line(tmp_path):
    line = Line(tmp_path)
    with line.kea():
        yield line
    line.close()


NETWORKD = """\
[Match]
Name=wan0
[Network]
DHCP=ipv6
[DHCPv6]
RequestOptions=94
WithoutRA=solicit
DUIDType=link-layer
"""
OF_NETWORKD = """\
from pathlib import Path
from dualwan.host import leases
from dualwan.host.remote import name_servers
leases.DHCLIENT = leases.DHCPCD = ()
of_line = name_servers.of_line
name_servers.of_line = lambda device, deadline: of_line(device, deadline, Path({root!r}))
"""
NO_CLIENT = """\
[Match]
Name=wan0
[Network]
IPv6AcceptRA=yes
[IPv6AcceptRA]
DHCPv6Client=no
"""


@pytest.fixture(name="networkd")
def _networkd(line):
    """Return a function that runs networkd with a file for wan0; it gives networkd's note of it."""
    root = line.folder / "root"
    links = root / "run" / "systemd" / "netif" / "links"
    for path in (links, links.parent / "leases", links.parent / "lldp", root / "network"):
        path.mkdir(parents=True)
    for path in (links.parent, *links.parent.iterdir()):
        shutil.chown(path, "systemd-network")
    index = json.loads(line.router.run("ip", "-j", "link", "show", "dev", "wan0"))[0]["ifindex"]

    @contextmanager
    def run(settings, noted):
        (root / "network" / "wan.network").write_text(settings)
        note = links / str(index)
        with running(
            line.router,
            program("systemd-networkd"),
            covers=(
                (root / "run" / "systemd", "/run/systemd"),
                (root / "network", "/etc/systemd/network"),
                machine_id(root),
            ),
            SYS_READ_ONLY="1",
        ):
            assert until(lambda: note.exists() and noted in note.read_text())
            yield root

    return run


def test_networkd_keeps_the_name_servers_and_not_the_option(line, networkd):
    """Option 94 is asked for (RequestOptions=) and noted nowhere; no one takes its port away."""
    with networkd(NETWORKD, RESOLVER) as root:
        found = line.learned(OF_NETWORKD.format(root=str(root)))
        assert found["servers"] == [RESOLVER]
        assert "no DHCPv6 client keeps a lease of wan0" in found["error"]
        noted = [path.read_text() for path in root.rglob("*") if path.is_file()]
    assert not any("0059" in text or RELAY in text for text in noted)


def test_networkd_without_its_client_leaves_the_question_to_us(line, networkd):
    """The port is free then, and the line is asked; each event asks that has no answer yet.

    While networkd still sets up the link it takes addresses away, and an answer may be lost.
    """
    found = []

    def is_answered():
        found.append(line.learned(OF_NETWORKD.format(root=str(root))))
        return "rules" in found[-1]

    with networkd(NO_CLIENT, "ADMIN_STATE=configur") as root:
        assert until(is_answered), found
    assert (found[-1]["servers"], found[-1]["rules"]) == ([RESOLVER], [[RULE, RELAY]])

"""Option 94 of a real DHCPv6 server (Kea), by way of each client that Debian has, and by none."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import machine_id, program, running
from space import Namespace, until

ROOT = Path(__file__).parents[2]
SERVER, RESOLVER, RDNSS = "2001:db8:0:100::1", "2001:db8:53::53", "2001:db8:53::99"
# What follows from Kea's configuration, as dualwan reads it: the rule, and its border relay.
RULE, RELAY = "2001:db8::/40 -> 192.0.2.0/24", "2001:db8:ffff::9"
OPTION = (
    "00590015001018c00002002820010db800005d000404000000005a001020010db8ffff00000000000000000009"
)
KEA = {
    "interfaces-config": {"interfaces": ["lan"]},
    "lease-database": {"type": "memfile", "persist": False},
    "server-id": {"type": "LL", "persist": False},
    "valid-lifetime": 3600,
    "option-data": [
        {"name": "dns-servers", "data": RESOLVER},
        {"name": "s46-cont-mape"},
        {
            "space": "s46-cont-mape-options",
            "name": "s46-rule",
            "data": "0, 16, 24, 192.0.2.0, 2001:db8::/40",
        },
        {"space": "s46-cont-mape-options", "name": "s46-br", "data": RELAY},
        {"space": "s46-rule-options", "name": "s46-portparams", "data": "4, 0/0"},
    ],
    "subnet6": [
        {
            "id": 1,
            "subnet": "2001:db8:0:100::/64",
            "interface": "lan",
            "pools": [{"pool": "2001:db8:0:100::1000-2001:db8:0:100::1fff"}],
        }
    ],
    "loggers": [
        {"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "stdout"}]}
    ],
}
# The hook, with the source of this checkout and a folder of its own.
HOOK = """\
import sys
sys.path.insert(0, sys.argv[1])
from dualwan import paths
paths.STATE_DIR = sys.argv[2]
exec(open(sys.argv[3]).read())
"""
# What dualwan does at an event, with nothing of the kernel but sockets.
ASK = """\
import json
from dualwan.errors import DualwanError
from dualwan.host.remote import ask, name_servers
from dualwan.host.remote.deadline import Deadline
from dualwan.line.provisioning import dhcpv6
found = {"servers": name_servers.of_line("wan0", Deadline(5))}
try:
    found["origin"], _, text = ask.ask("dhcpv6", "wan0", None, 5)
    found["rules"] = [
        [f"{one.rule.ipv6_prefix} -> {one.rule.ipv4_prefix}", str(one.rule.br)]
        for one in dhcpv6.parse(text).rules
    ]
except DualwanError as error:
    found["error"] = str(error)
print(json.dumps(found))
"""


class Line:
    """A provider with Kea, and a router behind it on which no program runs yet."""

    def __init__(self, folder):
        self.folder = folder
        self.provider, self.router = Namespace("provider"), Namespace("router")
        for space in (self.provider, self.router):
            space.sysctl("net/ipv6/conf/all/accept_dad", "0")
            space.sysctl("net/ipv6/conf/default/accept_dad", "0")
        self.provider.ip(f"""
            link add lan type veth peer name wan0 netns {self.router.name}
            link set lan up
            address add {SERVER}/64 dev lan nodad
        """)
        self.router.ip("link set wan0 up")
        assert until(
            lambda: "fe80" in self.router.run("ip", "-6", "address", "show", "dev", "wan0")
        )
        assert until(
            lambda: "fe80" in self.provider.run("ip", "-6", "address", "show", "dev", "lan")
        )
        self.state = folder / "state"

    def kea(self):
        """Run Kea for as long as the context lasts."""
        settings, log = self.folder / "kea.json", self.folder / "kea.log"
        settings.write_text(json.dumps({"Dhcp6": KEA}))
        return running(
            self.provider,
            program("kea-dhcp6"),
            "-c",
            settings,
            log=log,
            ready=lambda: "DHCP6_STARTED" in log.read_text(),
            KEA_PIDFILE_DIR=str(self.folder),
            KEA_LOCKFILE_DIR=str(self.folder),
        )

    def hook(self):
        """Write a client's script that hands over to hooks/dhcp6; return its path."""
        path = self.folder / "script"
        path.write_text(
            f"#!/bin/sh\n{sys.executable} -B -c '{HOOK}'"
            f" {ROOT / 'src'} {self.state} {ROOT / 'hooks' / 'dhcp6'} &&\n"
            f'    echo "$reason" >> {self.folder}/ran\n'
        )
        path.chmod(0o755)
        return path

    def ran(self, reason):
        """Return whether the client's script has run for ``reason``."""
        path = self.folder / "ran"
        return path.exists() and reason in path.read_text().split()

    def learned(self, files=None):
        """Return what dualwan learns on the router; ``files``: Python that moves lease files."""
        done = subprocess.run(
            self.router.argv(sys.executable, "-B", "-c", (files or "") + ASK),
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "DUALWAN_STATE": str(self.state), "PYTHONPATH": str(ROOT / "src")},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def close(self):
        """Remove everything."""
        self.provider.close()
        self.router.close()


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

"""A line with a real DHCPv6 server (Kea), and what dualwan learns on the router behind it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from programs import program, running
from space import Namespace, until

ROOT = Path(__file__).parents[2]
SERVER, RESOLVER = "2001:db8:0:100::1", "2001:db8:53::53"
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

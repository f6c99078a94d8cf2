"""Two routers on one line, in namespaces; the files are those of docs/two-routers.md.

         lan -------- switch ------- internet (the line's router, and the border relay)
    192.168.1.10     |      |        2001:db8:0:100::1, 198.51.100.1 to .8
             lan0, wan0    lan0, wan0
             router1 --sync0-- router2

two_routers_command.py is the command there.
"""

import os
import re
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from line import CLIENT, SERVERS, SHARED
from programs import UNPACKED, environment, program, running
from space import Namespace, until

from dualwan.config import from_text

COMMAND = Path(__file__).with_name("two_routers_command.py")
PAGE = Path(__file__).parents[2] / "docs" / "two-routers.md"
_BLOCK = re.compile(r"^    # ((?:router\d )+)(/\S+)\n((?:    .*\n|\n)+)", re.MULTILINE)
VIRTUAL, INNER_MAC, FAR_MAC = "192.168.1.1", "02:00:00:00:00:0a", "02:00:00:00:00:0b"
NAME = "mape0"


def files(router):
    """Return the files of a router on the page, by path."""
    text = PAGE.read_text()
    return {
        path: re.sub("^    ", "", body, flags=re.MULTILINE).rstrip("\n") + "\n"
        for names, path, body in _BLOCK.findall(text)
        if router in names.split()
    }


TOML = files("router1")["/etc/dualwan/dualwan.toml"]
MANUAL = from_text("dualwan.toml", TOML).mape.manual
CE, BR = str(MANUAL.ce), str(MANUAL.br)


class Router:
    """One of the routers: its namespace, its files, and dualwan-hook on it."""

    def __init__(self, folder, name):
        self.name, self.folder = name, folder / name
        self.space = Namespace(name)
        for one in ("run", "dualwan", "lib"):
            (self.folder / one).mkdir(parents=True)
        (self.folder / "run" / "lock").mkdir()
        self.conntrackd_conf = self.folder / "conntrackd-that-runs.conf"
        for path, text in files(name).items():
            (self.folder / Path(path).name).write_text(text)
        self.command_path = self.folder / "dualwan-hook"
        exports = "".join(f"export {key}='{value}'\n" for key, value in self._variables().items())
        self.command_path.write_text(
            f'#!/bin/sh\n{exports}exec {sys.executable} -B {COMMAND} "$@"\n'
        )
        self.command_path.chmod(0o755)
        self.keepalived_conf = self.folder / "keepalived.conf"
        text = self.keepalived_conf.read_text()
        self.keepalived_conf.write_text(
            text.replace("/usr/bin/dualwan-hook", str(self.command_path))
        )

    def _variables(self):
        daemon = program("conntrackd")
        return {
            "DUALWAN_CONFIG": self.folder / "dualwan.toml",
            "DUALWAN_RUN": self.folder / "dualwan",
            "DUALWAN_STATE": self.folder / "lib",
            "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path(__file__).parents[2] / "src")),
            "PATH": os.environ["PATH"],
            "TEST_DIALLED": self.folder / "dialled",
            "TEST_CONNTRACKD": daemon,
            "TEST_CONNTRACKD_CONF": self.conntrackd_conf,
            "TEST_LIBRARIES": environment(daemon).get("LD_LIBRARY_PATH", ""),
        }

    def hook(self, *argv, check=True, **more):
        """Run dualwan-hook; return the finished process."""
        done = subprocess.run(
            self.space.argv(self.command_path, *argv),
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **more},
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def start(self, *argv):
        """Start dualwan-hook; return the process."""
        return subprocess.Popen(
            self.space.argv(self.command_path, *argv), stderr=subprocess.PIPE, text=True
        )

    @contextmanager
    def conntrackd(self):
        """Run conntrackd with the file of the page."""
        folder = self.folder / "run"
        text = (self.folder / "conntrackd.conf").read_text()
        self.conntrackd_conf.write_text(text.replace("/run/", f"{folder}/"))
        daemon = program("conntrackd")
        with running(
            self.space,
            daemon,
            "-C",
            self.conntrackd_conf,
            ready=(folder / "conntrackd.ctl").exists,
            log=self.folder / "conntrackd.log",
        ):
            yield
        self.conntrackd_conf.unlink()

    @contextmanager
    def keepalived(self):
        """Run keepalived with the file of the page; gives the process.

        That of Debian 13 reads how it was built from /etc/keepalived, and ends without that.
        """
        path = program("keepalived")
        own = UNPACKED / "etc/keepalived"
        with running(
            self.space,
            path,
            "--dont-fork",
            "--log-console",
            "--vrrp",
            "--log-detail",
            "--use-file",
            self.folder / "keepalived.conf",
            *(
                word
                for name in ("pid", "vrrp_pid")
                for word in (f"--{name}", self.folder / "run" / f"{name}.pid")
            ),
            covers=((own, "/etc/keepalived"),) if path.startswith(str(UNPACKED)) else (),
            log=self.folder / "keepalived.log",
        ) as process:
            yield process

    def ifup(self):
        """Do what ifup does."""
        for phase in ("pre-up", "post-up"):
            done = self.hook("event", "ifup", IFACE="wan0", PHASE=phase)
            assert done.stderr == ""

    def said(self, name):
        """Return the log of keepalived or conntrackd."""
        return (self.folder / f"{name}.log").read_text()

    def conntrackd_has(self):
        """Return what conntrackd has heard from the other one."""
        argv = [program("conntrackd"), "-C", self.conntrackd_conf, "-e"]
        return self.space.run(*argv, env=environment(argv[0]))

    def has_address(self, address):
        """Whether ADDRESS is on the LAN's interface."""
        return f" {address}/" in self.space.run("ip", "address", "show", "dev", "lan0")

    @property
    def role(self):
        """What the command says of its role."""
        return self.hook("role").stdout.strip()

    @property
    def dialled(self):
        """Whether there is a pppd."""
        return (self.folder / "dialled").exists()

    def has_ce(self):
        """Whether the CE is on the WAN."""
        return CE in self.space.run("ip", "-6", "address", "show", "dev", "wan0")

    def has_tunnel(self):
        """Whether there is a tunnel."""
        return NAME in self.space.run("ip", "-br", "link")

    def tables(self):
        """Return the names of our own nft tables."""
        listed = self.space.run("nft", "list", "tables").splitlines()
        return sorted(line.split()[-1] for line in listed if "dualwan_" in line)

    def elements(self, name, kind="set"):
        """Return the elements of a set or map of the translation, without their times."""
        text = self.space.run("nft", "list", kind, "ip", "dualwan_snat", name)
        if "elements = {" not in text:
            return []
        items = text.split("elements = {")[1].split("}")[0].split(",")
        return [re.sub(r" (timeout|expires) \w+", "", " ".join(one.split())) for one in items]

    def is_standby(self):
        """Whether nothing but the firewall stands."""
        there = self.tables(), self.has_ce(), self.has_tunnel(), self.dialled
        return there == (["dualwan_firewall"], False, False, False)

    def is_active(self):
        """Whether all stands."""
        return (
            "dualwan_snat" in self.tables() and self.has_ce() and self.has_tunnel() and self.dialled
        )


class Routers:
    """Two routers, a LAN host, and the line; VIRTUAL moves by ``give`` where no keepalived runs."""

    def __init__(self, folder):
        self.spaces = []
        self.switch, self.lan, self.internet = map(self._space, ("switch", "lan", "internet"))
        self.first, self.second = (self._router(folder, name) for name in ("router1", "router2"))
        self.both = (self.first, self.second)
        self._build()

    def _space(self, role):
        made = Namespace(role)
        self.spaces.append(made)
        return made

    def _router(self, folder, name):
        made = Router(folder, name)
        self.spaces.append(made.space)
        return made

    def _build(self):
        for space in self.spaces:
            space.sysctl("net/ipv6/conf/all/accept_dad", "0")
            space.sysctl("net/ipv6/conf/default/accept_dad", "0")
        self.switch.ip(
            "link add lan type bridge\nlink add wan type bridge\nlink set lan up\nlink set wan up\n"
        )
        for space, device, bridge in (
            (self.lan, "eth0", "lan"),
            (self.internet, "wan", "wan"),
            *((one.space, name, name[:3]) for one in self.both for name in ("lan0", "wan0")),
        ):
            port = f"p{len(self.switch.run('ip', '-br', 'link').splitlines())}"
            space.run(
                "ip",
                "link",
                "add",
                device,
                "type",
                "veth",
                "peer",
                "name",
                port,
                "netns",
                self.switch.name,
            )
            # VXLAN has more headers than IPIP.
            self.switch.ip(f"link set {port} mtu 2000 master {bridge}\nlink set {port} up")
            space.ip(f"link set {device} {'mtu 2000' if bridge == 'wan' else ''} up")
        self.first.space.run(
            "ip",
            "link",
            "add",
            "sync0",
            "type",
            "veth",
            "peer",
            "name",
            "sync0",
            "netns",
            self.second.space.name,
        )
        for number, one in enumerate(self.both, 2):
            one.space.ip(f"""
                link set sync0 up
                address add 192.168.1.{number}/24 dev lan0
                address add 10.255.0.{number - 1}/30 dev sync0
                address add 2001:db8:0:100::{number}/64 dev wan0 nodad
                route add ::/0 via 2001:db8:0:100::1
            """)
        self.lan.ip(f"address add {CLIENT}/24 dev eth0\nroute add default via {VIRTUAL}")
        self.internet.ip(
            f"""
            address add 2001:db8:0:100::1/64 dev wan nodad
            address add {BR}/128 dev lo
            link add mape address {FAR_MAC} type vxlan id 4 local {BR} remote {CE} dstport 4789
            link set mape up
            route add {SHARED}/32 dev mape
        """
            + "".join(f"address add {server}/32 dev lo\n" for server in SERVERS)
        )
        # The inner link layer is none of the line's: nobody has to ask there.
        self.internet.ip(f"neigh replace {SHARED} lladdr {INNER_MAC} dev mape nud permanent")
        self.internet.sysctl("net/ipv6/conf/all/forwarding", "1")
        # Nothing but the tests asks where the CE is.
        self.internet.sysctl("net/ipv6/conf/mape/disable_ipv6", "1")

    def give(self, router):
        """Move the LAN's gateway to ROUTER, as keepalived does before it runs a script."""
        for one in self.both:
            if one is not router:
                one.space.run("ip", "address", "del", f"{VIRTUAL}/24", "dev", "lan0", check=False)
        router.space.run("ip", "address", "replace", f"{VIRTUAL}/24", "dev", "lan0")
        mac = router.space.mac("lan0")
        self.lan.ip(f"neigh replace {VIRTUAL} lladdr {mac} dev eth0 nud reachable")

    def other(self, router):
        """Return the router that ROUTER is not."""
        return self.second if router is self.first else self.first

    def ce_is_at(self):
        """Return the link address that the line's router has for the CE."""
        found = self.internet.run("ip", "-6", "neigh", "show", CE, "dev", "wan")
        return found.split("lladdr ")[1].split()[0] if "lladdr " in found else ""

    def close(self):
        """Remove everything."""
        for space in self.spaces:
            space.close()


def passes(routers, seconds=10.0):
    """Return whether a packet comes through by MAP-E and back within SECONDS."""
    server = routers.internet.udp(SERVERS[1], 0, timeout=0.02)
    client = routers.lan.udp(timeout=0.02)

    def answered():
        client.sendto(b"x", server.getsockname())
        with suppress(TimeoutError):
            _, peer = server.recvfrom(9)
            server.sendto(b"y", peer)
            return client.recv(9) == b"y"
        return False

    return until(answered, seconds)

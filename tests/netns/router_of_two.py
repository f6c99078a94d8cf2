"""One of two routers in namespaces: its files, dualwan-hook on it, and what stands there."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from programs import UNPACKED, environment, program, running
from space import Namespace
from two_routers_page import files

from dualwan.config import from_text

COMMAND = Path(__file__).with_name("two_routers_command.py")
MAPE = from_text("dualwan.toml", files("router1")["/etc/dualwan/dualwan.toml"]).mape
NAME, CE, BR = MAPE.tunnel, str(MAPE.manual.ce), str(MAPE.manual.br)


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

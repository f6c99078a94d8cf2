"""A router in a namespace whose events fail or are killed at a call, and all that it holds."""

import json
import re
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path

from dualwan.host.store import decode
from dualwan.model.event import Event

STAMP = re.compile(r"by dualwan-hook, [0-9a-f]{16}\b")
SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/wan0/accept_ra",
    "net/ipv6/conf/lan0/accept_ra",
    "net/ipv4/conf/ppp0/rp_filter",
    "net/ipv4/conf/mape0/rp_filter",
)
# Of a device, an address, a route and a rule: what is no number of the kernel's own.
LINK = ("ifname", "mtu", "ifalias")
ADDRESS = ("family", "local", "prefixlen", "scope", "deprecated", "preferred_life_time")
ROUTE = ("dst", "dev", "table", "protocol", "metric", "type", "gateway", "scope")
RULE = ("priority", "src", "srclen", "table", "fwmark", "fwmask", "suppress_prefixlen", "protocol")
BY_ITSELF = ("fe80:", "ff00:", "multicast")  # what the kernel gives each device


class Injected:
    """The router of a line, and the process in which its events happen.

    text: the configuration in use. tunnel: whether the program makes the tunnel, by fault_side's
    stand-in; otherwise a device of others has its name.
    """

    def __init__(self, line, text, *, tunnel=True):
        self.line, self.text = line, text
        if tunnel:
            line.router.ip("link del mape0")
        self.prefix = ""
        line.router.ip("route add ::/0 dev wan0 metric 1")
        ours, theirs = Pipe()
        self._pipe = ours
        self._process = subprocess.Popen(
            line.router.argv(
                sys.executable, "-B", Path(__file__).with_name("fault_side.py"), theirs.fileno()
            ),
            pass_fds=[theirs.fileno()],
            env=line.environment(),
        )
        theirs.close()

    def close(self):
        """End the process in the namespace."""
        self._pipe.close()
        self._process.wait()

    def event(self, event, fault=None, *, configured=True):
        """Let an event happen; return error, log and calls, or None if it was killed."""
        self._pipe.send((event, self.text if configured else None, fault))
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clean(self, *events):
        """Let events happen without a fault; return the calls of the last."""
        for event in events:
            error, log, calls = self.event(event)
            assert error == "", (event, error, log)
        return calls

    # --- what happens outside ------------------------------------------------------------

    def connect(self, address):
        """Let a PPP session come up, with a new device."""
        self.disconnect()
        self.line.router.ip(f"""
            link add ppp0 type veth peer name ppp netns {self.line.internet.name}
            link set ppp0 up
            address add {address}/32 dev ppp0
        """)

    def disconnect(self):
        """Let the PPP session end."""
        self.line.router.run("ip", "link", "del", "ppp0", check=False)

    def announce(self, prefix):
        """Let the line have a prefix, instead of the one that it had."""
        if self.prefix:
            self.line.router.ip(f"address del {self.prefix}::5/64 dev wan0")
        self.line.router.ip(f"address add {prefix}::5/64 dev wan0 nodad")
        self.prefix = prefix

    def switch(self, *, up):
        """Set the WAN down, which takes its IPv6 addresses and routes, or up with all of them."""
        self.line.router.ip(f"link set wan0 {'up' if up else 'down'}")
        if up:
            self.line.router.ip(f"""
                address replace {self.prefix}::5/64 dev wan0 nodad
                route replace ::/0 dev wan0 metric 1
            """)

    # --- what there is -------------------------------------------------------------------

    def holds(self):
        """Return all that the namespace holds, and what is noted, without counts and handles."""
        router = self.line.router
        listed = []
        for family, commands in (("-4", "link show\naddress show\n"), ("-6", "address show\n")):
            script = f"{commands}route show table all\nrule show\n"
            said = router.run("ip", family, "-j", "-d", "-N", "-batch", "-", input=script)
            listed += map(json.loads, said.splitlines())
        devices, addresses, routes, rules, addresses6, routes6, rules6 = listed
        return {
            "links": sorted([*_only(one, LINK), str("UP" in one["flags"])] for one in devices),
            "addresses": sorted(
                [one["ifname"], *_only(address, ADDRESS)]
                for one in (*addresses, *addresses6)
                if one
                for address in one["addr_info"]
                if not address["local"].startswith(BY_ITSELF)
            ),
            "routes": sorted(
                _only(one, ROUTE)
                for one in (*routes, *routes6)
                if not one["dst"].startswith(BY_ITSELF)
            ),
            "rules": sorted(_only(one, RULE) for one in (*rules, *rules6)),
            "nft": _blocks(STAMP.sub("", router.run("nft", "-s", "list", "ruleset"))),
            "sysctls": router.call(_sysctls),
        }

    def noted(self):
        """Return the run state, but for the ruleset's number and times, and the files' names."""
        folder = self.line.run_directory
        if not folder.exists():
            return {}, []
        path = folder / "state.json"
        state = vars(decode(json.loads(path.read_text()))) if path.exists() else {}
        state |= {"generation": 0, "looked": None, "tables": sorted(state.get("tables", ()))}
        state |= {"transition_at": 0.0}
        return state, sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))

    def left(self):
        """Take all away, with the configuration that was in use; return what is left."""
        error, log, _ = self.event(Event.REMOVE)
        assert error == "", (error, log)
        return self.holds()


def _blocks(ruleset):
    """Return the chains, sets and objects of each table, in no order but that of their rules."""
    return {
        name: sorted(content.split("\n\n"))
        for name, content in re.findall(
            r"^table (.+?) {\n(.*?)^}$", ruleset, re.DOTALL | re.MULTILINE
        )
    }


def _only(found, keys):
    return [str(found.get(key, "")) for key in keys]


def _sysctls():
    return {
        name: path.read_text().strip()
        for name in SYSCTLS
        if (path := Path("/proc/sys", name)).exists()
    }

"""A line on which everything works, as evidence for doctor, and one with a cause."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from machine import Machine

from dualwan import doctor
from dualwan.config import from_text
from dualwan.errors import HostError
from dualwan.handle import handle_event, role
from dualwan.mape.table import load_table
from dualwan.model.event import Event
from dualwan.model.evidence import Advertisement, Device, DeviceAddress, Evidence, Heard
from dualwan.model.finding import Finding
from dualwan.planning import make_plan

CE, BR = "2001:db8:0:100:c0:2:1200:100", "2001:db8:ffff::9"  # of 192.0.2.18 and PSID 1
BASE = f"""\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
provider = "manual"
br = "{BR}"
ce = "{CE}"
ipv4 = "192.0.2.18"
psid = 1
psid-length = 6
[pppoe]
dial = true
"""
ONE_OF_TWO = BASE + "[router]\nredundant = true\n"
PREFIX = "2001:db8:0:100::/64"
ROUTER = "fe80::1"
OCN = "2400:4050:5c71:af00::/64"  # PSID 47 by the table's rule
OCN_CE = "2400:4050:5c71:af00:99:f171:c600:2f00"
PROBES = 2 + 63 + 11  # single hops, blocks, sizes
HEARD = Heard(
    advertisements=(Advertisement(ROUTER, 1800, (PREFIX,)),),
    solicited={CE: 1},
    answered={CE: 1},
    relay=True,
    returned=frozenset(range(2, PROBES)),
    stopped={0: "192.0.2.1", 1: "192.0.2.1"},
)
WORKS = Evidence(
    devices={
        "wan0": Device(addresses=(DeviceAddress("2001:db8:0:100::5", 64), DeviceAddress(CE, 128))),
        "lan0": Device(addresses=(DeviceAddress("192.168.1.1", 24),)),
        "mape0": Device(),
        "ppp0": Device(addresses=(DeviceAddress("203.0.113.7", 32),)),
    },
    came=70,
    went=80,
    prefixes=(PREFIX,),
    heard=HEARD,
    ppp_log=("CHAP authentication succeeded", "local  IP address 203.0.113.7"),
    dialling=True,
)
ANOTHER = "02:00:00:00:00:02"  # the link address of the other router
STANDS_BY = replace(
    WORKS,
    devices={
        "wan0": Device(addresses=(DeviceAddress("2001:db8:0:100::6", 64),)),
        "lan0": Device(addresses=(DeviceAddress("192.168.1.3", 24),)),
    },
    came=0,
    went=0,
    heard=Heard(advertisements=HEARD.advertisements, claimed=(ANOTHER,), offers=("ac",)),
    dialling=False,
)


def config_of(text):
    """Return the configuration ``text``."""
    return from_text("dualwan.toml", text)


class Doctored:
    """A router on which all is well, until a case changes something."""

    def __init__(self, text=BASE, prefixes=(PREFIX,), aftr=""):
        self.config = config_of(text)
        self.host = Machine("wan0", "lan0")
        self.host.names = {aftr: aftr}
        self.host.announced = {"wan0": prefixes}
        self.host.connect("203.0.113.7")
        with suppress(HostError):  # where there is no prefix
            handle_event(self.config, self.host, Event.APPLY)
        self.evidence = replace(WORKS, prefixes=prefixes)
        self.findings = ()
        self.plan = make_plan(self.config, self.host, Event.APPLY)

    def plan_changes(self, **observed):
        """Let the plan be made from another state of the kernel."""
        self.host.state = replace(self.host.state, **observed)
        self.plan = make_plan(self.config, self.host, Event.APPLY)

    def hears(self, **changes):
        """Change what was heard."""
        self.evidence = replace(self.evidence, heard=replace(self.evidence.heard, **changes))

    def device(self, name, **changes):
        """Change a device; without changes it is gone."""
        devices = dict(self.evidence.devices)
        old = devices.pop(name)
        if changes:
            devices[name] = replace(old, **changes)
        self.evidence = replace(self.evidence, devices=devices)

    def silent_tunnel(self, **heard):
        """Let nothing come back through the tunnel."""
        self.evidence = replace(self.evidence, came=0)
        self.hears(returned=frozenset(), stopped={}, **heard)

    def hung_up(self, **evidence):
        """Let there be no PPP session."""
        kept = tuple(one for one in self.host.state.addresses if one.device != "ppp0")
        self.plan_changes(addresses=kept)
        handle_event(self.config, self.host, Event.APPLY)
        self.plan = make_plan(self.config, self.host, Event.APPLY)
        self.evidence = replace(self.evidence, **evidence)

    def finding(self, code, seen="it is seen"):
        """Add a finding."""
        self.findings = (*self.findings, Finding(code, seen, "mend it"))

    def becomes(self, *, active):
        """Let keepalived give a role; what is heard and seen is of that."""
        self.host.hang_up = self._hang_up
        asked = 1 + self.host.run_state.role.asked
        with suppress(HostError):  # as above
            role.take(self.config, self.host, active=active, asked=asked)
        if active:
            self.host.connect("203.0.113.7")
            handle_event(self.config, self.host, Event.PPP_UP)
        self.plan = make_plan(self.config, self.host, Event.APPLY)
        self.evidence = WORKS if active else STANDS_BY

    def _hang_up(self, peer, seconds):
        assert seconds
        self.host.running.discard(peer)
        self.host.unplug("ppp0")
        return True

    def diagnose(self):
        """Return the outcomes."""
        return doctor.diagnose(
            doctor.Case(self.config, self.plan, self.evidence, self.findings, load_table())
        )


@dataclass(frozen=True)
class BrokenLine:
    """A cause, the check that has to name it, and words of its line."""

    about: str
    check: str
    words: tuple[str, ...]
    breaks: Callable[[Doctored], object]
    text: str = BASE
    prefixes: tuple[str, ...] = (PREFIX,)

    def made(self):
        """Return the router with this cause."""
        made = Doctored(self.text, self.prefixes)
        self.breaks(made)
        return made

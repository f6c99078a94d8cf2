"""Routers of every kind, in every state that an event can find them in, and the events."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

from faults import Faulty, KilledError
from machine import BASE, kernel_state
from provisioning_data import good

from dualwan.config import from_text
from dualwan.errors import DualwanError
from dualwan.handle import handle_event
from dualwan.handle.probe import probe
from dualwan.handle.role import take
from dualwan.model.event import Event
from dualwan.model.resources import Address
from dualwan.model.state import Health, Look
from dualwan.nft.table import NftTable

HEAD, NO_DIAL = BASE.split("[mape]", maxsplit=1)[0], "[pppoe]\ndial = false\n"
DIAL = "[pppoe]\ndial = true\n"
FAILOVER = '"wan0"\nfailover = true\nprobe = ["198.51.100.1"]\nhold-down = 0\n'
# To a way besides its address; not in the changed file.
ROUTED = 'addresses = ["203.0.113.8/29"]\none-to-one = { "203.0.113.9" = "192.168.1.9" }\n'
MODES = {
    "fixed": BASE.replace(NO_DIAL, DIAL),
    "auto": HEAD + "[mape]\nwait = 0\n" + DIAL,
    "provisioned": HEAD + '[mape]\nprovisioning = ["hb46pp"]\nwait = 0\n' + DIAL,
    "ds-lite": HEAD + '[mape]\nmode = "ds-lite"\naftr = "gw.example.jp"\nwait = 0\n' + DIAL,
    "ipip": HEAD
    + '[mape]\nmode = "ipip"\nbr = "2001:db8:ffff::9"\nipv4 = "192.0.2.18"\n'
    + 'interface-id = "::feed"\nupdate = "/etc/dualwan/update"\nwait = 0\n'
    + DIAL,
    "without-pppoe": BASE,
    "one-nic": BASE.replace('["lan0"]', '["wan0"]\nnetworks = ["192.168.1.0/24"]'),
    "three-ways": BASE.replace('"wan0"\n', FAILOVER).replace(
        '["lan0"]', '["lan0"]\nvia-pppoe = ["192.168.1.20/32"]'
    )
    + '[way.second]\ntype = "pppoe"\ninterface = "ppp1"\npeer = "second"\n'
    + ROUTED
    + '[zone.guests]\ninterfaces = ["guest0"]\nways = ["second"]\nmax-share = 10\n',
    "one-of-two": BASE.replace(NO_DIAL, DIAL)
    + '[way.fixed]\ntype = "ipip"\nbr = "2001:db8:ffff::7"\nipv4 = "192.0.2.77"\n'
    + 'ce = "2001:db8:0:100::feed"\n[router]\nredundant = true\n',
}
ROLES = {"active": True, "standby": False}
PREFIXES = ("2400:4050:5c71:af00::/64", "2400:4050:5c71:b000::/64")  # one address, other ports
FIRST, SECOND, OTHER = "203.0.113.1", "203.0.113.2", "198.51.100.7"
# What is not ours, and stays.
FOREIGN = (NftTable("inet", "filter"), NftTable("ip", "dualwan"))
OWN = (Address("wan0", "2001:db8:0:100::5"), Address("lan0", "192.168.1.1"))


@dataclass(frozen=True)
class Scene:
    """An event that comes in a state of a router; each is a word of the tables below."""

    mode: str
    start: str
    event: str

    def __str__(self):
        return f"{self.mode}, {self.start}: {self.event}"


@cache
def config(mode, *, changed=False):
    """Return the configuration of a mode; ``changed`` as its owner has edited it meanwhile."""
    text = MODES[mode]
    if changed:
        text = text.replace(ROUTED, "")
        text += '[firewall]\ninbound = ["ssh"]\n'
    return from_text("dualwan.toml", text, Path("/nonexistent"))


# --- what happens outside -----------------------------------------------------------------


def boot(mode):
    """Return a router as its kernel starts it, which others use too."""
    host = Faulty("wan0", "lan0")
    host.set_sysctl("net/ipv4/ip_forward", "1")
    host.state = replace(host.state, tables=FOREIGN, addresses=OWN)
    host.announced = {"wan0": (PREFIXES[0],)}
    host.names = {"gw.example.jp": "2001:db8:ffff::64"}
    host.answering = {"mape0"}
    host.clock = 1_000_000
    host.answers = {"hb46pp": ("https://vne.example/rule", host.clock, good("every-way"))}
    if mode == "provisioned":
        host.announced = {"wan0": ("2001:db8:1:2abc::/64",)}
    return host


def connect(host, mode, address):
    """Let PPPoE come up, unless the router has none."""
    if mode != "without-pppoe":
        host.connect(address)
        if mode == "three-ways":
            host.connect(OTHER, "ppp1")


def disconnect(host):
    """Let PPPoE end."""
    host.unplug("ppp0")
    host.unplug("ppp1")


def link_up(host):
    """Set the WAN up; its owner's address comes with it."""
    host.switch("wan0", up=True)
    lost = [item for item in OWN if item not in host.state.addresses]
    host.state = replace(host.state, addresses=(*host.state.addresses, *lost))


def renumber(host):
    """Let the line announce another prefix."""
    host.announced = {
        "wan0": (PREFIXES[1] if PREFIXES[0] in host.announced["wan0"] else PREFIXES[0],)
    }


def drift(host):
    """Let other programs take away, change and add what they like."""
    host.flush_ruleset()
    host.state = replace(host.state, tables=FOREIGN)
    rules = host.state.rules[1:]
    routes = tuple(one for one in host.state.routes if one.device != "mape0")
    host.state = replace(host.state, rules=rules, routes=routes)
    host.set_sysctl("net/ipv4/ip_forward", "0")


def _break(host, *, broken):
    """Let the probes have said so all but once."""
    host.answering = set() if broken else {"mape0"}
    with host.lock(1):
        health = Health(broken=not broken, streak=2, since=0, followed=True)
        host.save_state(replace(host.run_state, health=health))


# --- events -------------------------------------------------------------------------------

# What happens outside before the event, and the event; None for a probe.
EVENTS = {
    "boot": (None, Event.BOOT),
    "pre-up": (None, Event.PRE_UP),
    "up": (lambda host, _: link_up(host), Event.UP),
    "down": (None, Event.DOWN),
    "post-down": (
        lambda host, _: (disconnect(host), host.switch("wan0", up=False)),
        Event.POST_DOWN,
    ),
    "ppp-up": (lambda host, mode: connect(host, mode, SECOND), Event.PPP_UP),
    "ppp-down": (lambda host, _: disconnect(host), Event.PPP_DOWN),
    "apply": (None, Event.APPLY),
    "changed": (None, Event.APPLY),
    "remove": (None, Event.REMOVE),
    "renumbered": (lambda host, _: renumber(host), Event.PREFIX_CHANGED),
    "line": (
        lambda host, _: (host.switch("wan0", up=False), link_up(host)),
        Event.PREFIX_CHANGED,
    ),
    "mend": (lambda host, _: drift(host), Event.MEND),
    "active": (None, Event.ACTIVE),
    "standby": (None, Event.STANDBY),
    "failover": (lambda host, _: _break(host, broken=True), None),
    "failback": (lambda host, _: _break(host, broken=False), None),
}
PROBES = ("failover", "failback")


def is_possible(scene):
    """Whether the event can come there."""
    if scene.event in PROBES:
        return scene.mode == "three-ways" and scene.start != "booted"
    if scene.event in ROLES or scene.start == "stood by":
        # A session before anything else, which is hung up, leaves nothing to be closed.
        pointless = (scene.start, scene.event) == ("session first", "standby")
        return scene.mode == "one-of-two" and not pointless
    return not (scene.mode == "without-pppoe" and scene.event in {"ppp-up", "ppp-down"})


def outside(host, scene):
    """Let happen what comes before the event."""
    if before := EVENTS[scene.event][0]:
        before(host, scene.mode)


def happen(host, scene, log=None):
    """Let the event come; return the error that it ended with, as text, and "" for none.

    ``log`` receives its lines.
    """
    lines = [] if log is None else log
    event = EVENTS[scene.event][1]
    with (
        patch("syslog.syslog", lambda _level, line: lines.append(line)),
        patch("dualwan.handle.probe.clock_gettime", lambda _clock: 1000.0),
    ):
        try:
            if event is None:
                probe(config(scene.mode), host)
            elif scene.event in ROLES:
                take(config(scene.mode), host, active=ROLES[scene.event], asked=1)
            else:
                handle_event(config(scene.mode, changed=scene.event == "changed"), host, event)
        except DualwanError as error:
            return str(error) or repr(error)
    return ""


def _up(host, mode):
    host.switch("wan0", up=False)
    _all(host, mode, "pre-up")
    link_up(host)
    _all(host, mode, "up")
    if mode == "one-of-two":
        _all(host, mode, "active")
    connect(host, mode, FIRST)
    if mode != "without-pppoe":
        happen(host, Scene(mode, "", "ppp-up"))


def _all(host, mode, *events):
    for event in events:
        happen(host, Scene(mode, "", event))


def _down(host, mode):
    _up(host, mode)
    disconnect(host)
    _all(host, mode, "down")
    host.switch("wan0", up=False)
    _all(host, mode, "post-down")


def _drifted(host, mode):
    _up(host, mode)
    drift(host)


def _removed(host, mode):
    _up(host, mode)
    _all(host, mode, "remove")


def _stood_by(host, mode):
    _up(host, mode)
    _all(host, mode, "standby", "ppp-down")


STARTS = {
    "booted": lambda *_: None,
    "session first": lambda host, mode: connect(host, mode, FIRST),
    "up": _up,
    "down": _down,
    "drifted": _drifted,
    "removed": _removed,
    "stood by": _stood_by,
}


@cache
def start(mode, state):
    """Return a router in a state of STARTS; whoever changes it clones it."""
    host = boot(mode)
    STARTS[state](host, mode)
    return host


def scenes():
    """Return every scene."""
    found = [Scene(mode, state, event) for mode in MODES for state in STARTS for event in EVENTS]
    return [one for one in found if is_possible(one)]


def kernel(host):
    """Return what the kernel of a router holds."""
    return kernel_state(host)


def noted(host):
    """Return what is noted for later runs, but for times; pppd's peers; what conntrackd knows."""
    tables = tuple(sorted(host.run_state.tables))
    state = replace(host.run_state, generation=0, looked=Look(), tables=tables)
    answers = {source: entry.text for source, entry in host.cache.entries.items()}
    return state, sorted(host.running), answers, host.cache.failed, host.carried[-1:]


def survives(host, scene, log=None):
    """Let the event come, of which the process may be killed; whether it lived."""
    with suppress(KilledError):
        return True, happen(host, scene, log)
    return False, ""

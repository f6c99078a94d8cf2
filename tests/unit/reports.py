"""Reports of machines in memory, for tests of what is in one and of its replay."""

import json
import re
from dataclasses import replace

from doctor_cases import BASE, Doctored
from machine import run as happen

from dualwan.config import from_text
from dualwan.model.event import Event
from dualwan.model.surroundings import OwnScript, ScriptLine
from dualwan.ppp.options import Option, PeerOptions
from dualwan.ppp.session import Pppd, Session
from dualwan.recording import dossier

KEY = b"a key of these tests, 32 bytes."
ABOUT = dossier.About("Debian", "6.12", {"nft": "1.1"}, ["2026 + rule (cause=apply slice=pbr)"])
DERIVED = re.sub(r'provider = "manual"\n(.+\n)+\[pppoe\]', "[pppoe]", BASE)
PREFIX, SESSION = "2400:4050:5c71:af00::/64", "153.150.3.77"

# Ways, policies and zones, with what names their owner.
MORE = """
[way.fixed]
type = "ipip"
br = "2404:8e01:77::b1"
ipv4 = "153.151.6.7"
interface-id = "::a1b2:c3d4:e5f6:7"
[way.block]
type = "pppoe"
peer = "block"
interface = "ppp1"
[[policy]]
way = "fixed"
mac = ["02-11-22-33-44-5A", "02:11:22:33:44:5b"]
destination = "133.7.8.9"
[zone.guest]
interfaces = ["guest0"]
ways = ["block", "ipv6"]
"""


def made(doctored, about=ABOUT, key=KEY):
    """Return the report of a machine, through its text."""
    doctored.host.seen = doctored.evidence
    found = dossier.make(doctored.config, doctored.host, doctored.findings, about, key)
    return json.loads(json.dumps(found))


def owner():
    """Return a router with addresses of an owner, and secrets wherever there may be some."""
    it = Doctored(DERIVED, (PREFIX,))
    machine = it.host
    machine.unplug("ppp0")
    machine.connect(SESSION)
    text = (
        it.config.text + '\n[firewall]\ninbound = [{ service = "ssh", from = ["133.4.5.0/24"] }]\n'
    )
    text += "# the password = hunter2 of guest@isp.example.jp\n" + MORE
    it.config = from_text("dualwan.toml", text, {})
    happen(machine, it.config, Event.APPLY)
    machine.ppp = (
        Session(
            "ppp0",
            Pppd(812, ("pppd", "call", "dsl-provider", "user", "guest@isp.example.jp")),
            SESSION,
        ),
    )
    options = (
        Option("user", "guest-account-7", "/etc/ppp/peers/dsl-provider:3"),
        Option("plugin", "rp-pppoe.so", "/etc/ppp/peers/dsl-provider:4"),
    )
    around = machine.around
    machine.around = replace(
        around,
        floods={"02:11:22:33:44:55": 7},
        traces=replace_line(around.traces, "MODE=start /root/mape.sh -u me:hunter2"),
        ppp=replace(around.ppp, peer=PeerOptions(options), clients=("guest-account-7", "me@x")),
        own_scripts=(
            OwnScript(
                "/etc/dualwan/hooks.d/50-ddns",
                "failed",
                "https://me:hunter2@ddns.example/update?token=hunter2 refused for me@x",
            ),
        ),
    )
    it.evidence = replace(
        it.evidence, ppp_log=(f"local  IP address {SESSION}", 'user="guest@isp.example.jp"')
    )
    return it


def replace_line(traces, command):
    """Return ``traces`` with a line of interfaces(5)."""
    return traces._replace(lines=(ScriptLine("/etc/network/interfaces", 7, command),))

"""A line that is asked for its rule: the configuration, the router on it, and its answers."""

from machine import Machine
from provisioning_data import good

from dualwan.config import from_text
from dualwan.model.event import Event
from dualwan.planning import make_plan

GOOD = good("every-way")
OTHER = GOOD.replace("203.0.113.0/24", "198.51.100.0/24")
PREFIX = "2001:db8:1:2abc::/64"
ORIGIN = "https://vne.example/rule"
TEXT = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
provider = "auto"
provisioning = ["hb46pp", "dhcpv6"]
wait = 0
[pppoe]
dial = false
"""
# The same line by DHCPv6, with another IPv4 network: 192.0.2.0/24.
OPTION = "0059000f010c18c00002003420010db8000120005a001020010db8000100000000000000000001"


def config(tmp_path, text=TEXT):
    """Return the configuration TEXT, with no rules of the machine's own."""
    return from_text("dualwan.toml", text, tmp_path)


def machine(**answers):
    """Return a router whose line has PREFIX and gives ANSWERS."""
    found = Machine("wan0", "lan0")
    found.announced = {"wan0": (PREFIX,)}
    found.clock = 1_000_000
    found.answers = {source: (ORIGIN, found.clock, text) for source, text in answers.items()}
    return found


def ipv4(cfg, host):
    """Return the IPv4 address that the softwire has now, or why it has none."""
    line = make_plan(cfg, host, Event.APPLY).line
    return str(line.softwire.ipv4) if line.softwire else line.missing

"""The man pages and the example as data, and the calls by which the parsers read a file."""

import inspect
import re
from dataclasses import dataclass, field
from pathlib import Path

import tomli

from dualwan import config, toml_source
from dualwan.config.examples import of_any_name
from dualwan.mape import table

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "etc/dualwan.toml").read_text()
PAGE_8 = (ROOT / "packaging/man/dualwan-hook.8").read_text()
PAGE_5 = (ROOT / "packaging/man/dualwan.toml.5").read_text()

KEY = re.compile(r"(?P<off># ?)?(?P<key>[a-z][a-z0-9-]*) = (?P<value>[^#]+)")
HEADER = re.compile(r"(?:# ?)?\[{1,2}(?P<section>[a-z.-]+)\]{1,2}\s*")

BASE = '[wan]\ninterface = "wan0"\n[lan]\ninterfaces = ["lan0"]\n'
MANUAL = (
    BASE
    + """[mape]
provider = "manual"
br = "2001:db8::1"
ce = "2001:db8::2"
ipv4 = "192.0.2.1"
psid = 1
psid-length = 6
"""
)
OWN_RULE = (
    BASE
    + """[mape]
br = "2001:db8::1"
[mape.rule]
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
"""
)
AUTO = BASE + "[mape]\n"
IPIP = (
    AUTO
    + """mode = "ipip"
br = "2001:db8::1"
ipv4 = "192.0.2.1"
interface-id = "::feed"
"""
)
DS_LITE = AUTO + 'mode = "ds-lite"\naftr = "gw.example.jp"\n'
FORWARDS = (
    MANUAL
    + """[[forward]]
via = "pppoe"
protocol = "tcp"
port = 8080
to = "192.168.1.5"
from = ["192.0.2.0/24"]
"""
)
ZONES = MANUAL + '[zone.guest]\ninterfaces = ["guest0"]\n'
POLICIES = (
    MANUAL
    + """[[policy]]
interface = "lan0"
source = ["192.168.1.40", "192.168.1.64/26"]
mac = "02:00:5e:10:00:01"
protocol = "udp"
port = [443, "8000-8100"]
destination = "198.51.100.0/24"
way = "pppoe"
fallback = "none"
"""
)
SECOND = (
    MANUAL
    + """[way.second]
type = "pppoe"
peer = "second-provider"
interface = "ppp1"
[way.away]
type = "vpn"
interface = "wg0"
"""
)
FIXED = (
    MANUAL
    + """[way.fixed]
type = "ipip"
br = "2001:db8::1"
ipv4 = "192.0.2.30"
ce = "2001:db8::30"
[way.lite]
type = "ds-lite"
aftr = "2001:db8::64"
"""
)
RULES_D = """[[rule]]
provider = "mine"
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
br = "2001:db8::1"
"""


@dataclass
class Calls:
    """The calls of TomlTable.take so far, each by (section, key); a zone is "zone".

    values: the last value. ranges: the limits of a number. defaults: a list of (converter,
    default), one per call.
    """

    values: dict = field(default_factory=dict)
    ranges: dict = field(default_factory=dict)
    defaults: dict = field(default_factory=dict)


REQUIRED = object()


def record(monkeypatch):
    """Return the calls of all parsers from now on."""
    found, take = Calls(), toml_source.TomlTable.take

    def recording(table, key, convert, default=REQUIRED):
        place = of_any_name(table.section), key
        if getattr(convert, "__qualname__", "").startswith("number."):
            limits = inspect.getclosurevars(convert).nonlocals
            found.ranges[place] = limits["low"], limits["high"]
        if default is not REQUIRED and default is not None:
            found.defaults.setdefault(place, []).append((convert, default))
        value = take(table, key, convert, *(() if default is REQUIRED else (default,)))
        found.values[place] = value
        return value

    monkeypatch.setattr(toml_source.TomlTable, "take", recording)
    return found


def load(text, tmp_path):
    """Return the configuration ``text``, with no rules but the package's."""
    return config.from_text("dualwan.toml", text, tmp_path / "rules.d")


def read_each_key(tmp_path):
    """Load configurations that together make the parser ask for every key."""
    for text in (MANUAL, OWN_RULE, AUTO, IPIP, DS_LITE, FORWARDS, POLICIES, ZONES, SECOND, FIXED):
        load(text, tmp_path)


def read_each_rule_key(tmp_path):
    """Load a file of rules.d."""
    path = tmp_path / "mine.toml"
    path.write_text(RULES_D)
    table.read_toml(path)


def example_lines():
    """Yield (line index, section, key, value, commented out?) of each key in the example."""
    section = ""
    for at, line in enumerate(EXAMPLE.splitlines()):
        if header := HEADER.fullmatch(line):
            section = of_any_name(header["section"])
        elif key := KEY.match(line):
            yield at, section, key["key"], key["value"].strip(), bool(key["off"])


def entries_of_page(page):
    """Return the text of each `.It Ic key No =` below `.Ss [section]`, by (section, key)."""
    section, key, found = "", "", {}
    for line in page.splitlines():
        if header := re.fullmatch(r"\.Ss \[{1,2}([a-zA-Z.]+)\]{1,2}", line):
            section = of_any_name(header[1])
        elif item := re.match(r"\.It Ic ([a-z0-9-]+) No =", line):
            key = item[1]
            found[section, key] = []
        elif line.startswith((".El", ".Sh")):
            key = ""
        elif key:
            found[section, key].append(line)
    return {place: "\n".join(lines) for place, lines in found.items()}


def ranges_in(text):
    """Return each "LOW to HIGH" of a text."""
    return [(int(low), int(high)) for low, high in re.findall(r"\b(\d+) to (\d+)\b(?!\^)", text)]


def default_of_entry(entry):
    """Return the default that an entry states as a TOML value, "" for an empty one, or None."""
    stated = re.search(
        r"^Default(?: with\n\.Qq [a-z-]+ )?:\s+(.*)", entry, re.MULTILINE | re.DOTALL
    )
    if not stated:
        return None
    text = stated[1]
    if block := re.match(r"\.Bd[^\n]*\n(.*?)\n\.Ed", text, re.DOTALL):
        return tomli.loads(f"value = {block[1]}")["value"]
    if quoted := re.match(r"\.Qq (\S+)", text):
        return quoted[1]
    if text.startswith(("none", "the WAN")):
        return ""
    word = re.match(r"(\S+?)[.,]?(?:\s|$)", text)[1]
    return tomli.loads(f"value = {word}")["value"] if re.fullmatch(r"\w+", word) else word


def section_of_page(page, name):
    """Return the source of ``page`` between `.Sh NAME` and the next one."""
    return page.split(f".Sh {name}\n")[1].split("\n.Sh ")[0]

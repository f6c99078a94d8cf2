"""The golden cases of tests/golden, read: bases, what differs in a case, and what both make."""

import json
import os
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path

from machine import wanted_tables

from dualwan import __version__
from dualwan.config import from_text
from dualwan.host.fake import FakeHost
from dualwan.line import derive_line
from dualwan.model.event import Event
from dualwan.model.observed import Link, Observed
from dualwan.model.resources import MAIN, Address, Route, RouteRule, Tunnel
from dualwan.model.state import Health, Role, RunState
from dualwan.nft import legacy
from dualwan.report.plan import lines

GOLDEN = Path(__file__).parents[1] / "golden"
WRITE = bool(os.environ.get("DUALWAN_WRITE_GOLDEN"))
NO_RULES_D = GOLDEN / "there-is-no-rules.d"
GONE = "gone"  # the value of a key that the base has and the case has not
LONGEST = 160  # letters of the sentence on top
KEYS = {"about", "base", "event", "config", "announced", "observed", "state"}

TUNNEL = re.compile(r"local (\S+) remote (\S+) dev (\S+) mtu (\d+)")
ROUTE = re.compile(r"(?:default dev (\S+)|unreachable default) table (\S+?)(?: metric (\d+))?")
RULE = re.compile(
    r"(\d+): (?:from (\S+)|fwmark (\w+)/(\w+)) lookup (\w+)(?: suppress_prefixlength (\d+))?"
)


@dataclass(frozen=True)
class Case:
    """A folder of tests/golden: ``data`` is what its case.toml says, on top of its base."""

    folder: Path
    data: dict = field(hash=False)

    @property
    def name(self):
        """How pytest calls it."""
        return self.folder.name

    @property
    def base(self):
        """The case that this one differs from (nft); None where it stands alone."""
        return nft_case(self.data["base"]) if "base" in self.data else None

    @property
    def event(self):
        """The event that happens, by its id."""
        return Event(self.data["event"])

    @property
    def text(self):
        """The configuration, as a person would write it."""
        return to_toml(self.data["config"])

    @property
    def config(self):
        """The configuration."""
        return from_text(str(self.folder / "case.toml"), self.text, NO_RULES_D)

    @property
    def announced(self):
        """The IPv6 prefixes that the line announces, by device."""
        return {name: tuple(found) for name, found in self.data.get("announced", {}).items()}

    @property
    def state(self):
        """What earlier runs left: the fields of RunState."""
        return run_state(self.data.get("state", {}))

    @property
    def line(self):
        """The line as it is now."""
        prefixes = self.announced.get(self.config.prefix_source, ())
        return derive_line(self.config, prefixes, self.state.prefix, aftr=self.state.aftr)

    @property
    def tables(self):
        """The nft tables that are wanted, by name."""
        return {table.name: table for table in wanted_tables(self.config, self.line)}

    @property
    def observed(self):
        """The machine: the fields of Observed."""
        return observed(self.data["observed"], self.tables)

    def host(self):
        """Return the machine in memory."""
        host = FakeHost(self.observed)
        host.announced, host.run_state = self.announced, self.state
        return host


def plan_cases():
    """Return the cases of plan/."""
    return [plan_case(path.parent.name) for path in sorted(GOLDEN.glob("plan/*/case.toml"))]


def nft_cases():
    """Return the cases of nft/."""
    return [nft_case(path.parent.name) for path in sorted(GOLDEN.glob("nft/*/case.toml"))]


def shown(plan):
    """Return a plan as a person reads it: the text of plan.txt."""
    found = (
        *lines(plan),
        *(f"problem: {text}" for text in plan.problems),
        *(f"warning: {text}" for text in plan.warnings),
        *(f"not seen: {text}" for text in plan.unobserved),
    )
    return "".join(f"{text}\n" for text in found)


def plan_case(name, folder=GOLDEN / "plan"):
    """Return a case of plan/: a machine of machine/, and what differs."""
    data = _read(folder / name)
    machine = _machine(data.pop("base"))
    base = _config(machine.pop("config", {}), _toml("config", "manual"))
    data["config"] = _config(data.get("config", {}), base)
    return Case(folder / name, merged(machine, data))


@cache
def nft_case(name):
    """Return a case of nft/: its base is another case, whose configuration it goes on from."""
    data = _read(GOLDEN / "nft" / name)
    base = nft_case(data["base"]).data["config"] if "base" in data else _toml("config", "manual")
    data["config"] = _config(data.get("config", {}), base)
    return Case(GOLDEN / "nft" / name, data)


def _read(folder):
    data = tomllib.loads((folder / "case.toml").read_text())
    assert set(data) <= KEYS, f"{folder.name}/case.toml: {set(data) - KEYS}"
    assert re.fullmatch(rf"\S.{{,{LONGEST}}}\.", data["about"]), f"{folder.name}: one sentence"
    return data


def _config(own, base):
    name = own.pop("base", None)
    return merged(_toml("config", name) if name else base, own)


def _machine(name):
    data = _toml("machine", name)
    return merged(_machine(data.pop("base")), data) if "base" in data else data


def _toml(kind, name):
    return tomllib.loads((GOLDEN / kind / f"{name}.toml").read_text())


def merged(base, delta):
    """Return ``base`` with what ``delta`` says: tables key by key, all else as a whole."""
    found = dict(base)
    for key, value in delta.items():
        if value == GONE:
            assert found.pop(key, None) is not None, f"{key} is not in the base"
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = merged(found[key], value)
        else:
            assert value != found.get(key), f"{key} is the same in the base"
            found[key] = value
    return found


def observed(seen, wanted):
    """Return the machine; an empty table stands for the one that is wanted."""
    tables = seen.get("tables", {})
    return Observed(
        links={name: Link(**link) for name, link in seen.get("links", {}).items()},
        addresses=addresses(seen.get("addresses", {})),
        tunnels=tuple(tunnel(*item) for item in seen.get("tunnels", {}).items()),
        routes=tuple(route(text) for text in seen.get("routes", ())),
        rules=tuple(rule(text) for text in seen.get("rules", ())),
        sysctls=seen.get("sysctls", {}),
        hearing=seen.get("hearing", {}),
        ipv6_default=seen["ipv6_default"],
        legacy=tuple(seen.get("legacy", ())),
        default_device=seen.get("default_device", ""),
        tables=None
        if tables == "hidden"
        else tuple(table(wanted[name], **how) for name, how in tables.items()),
    )


def run_state(noted):
    """Return the run state."""
    assert set(noted) <= {one.name for one in fields(RunState)}
    found = {
        key: tuple(value) if isinstance(value, list) else value for key, value in noted.items()
    }
    if "addresses" in found:
        found["addresses"] = addresses(noted["addresses"])
    if "role" in found:
        found["role"] = Role(**noted["role"])
    if "health" in found:
        found["health"] = Health(**noted["health"])
    if found.get("wanted"):  # by this version, unless a case says another
        found.setdefault("version", __version__)
    return RunState(**found)


def addresses(by_device):
    """Return addresses, written as ADDRESS or "ADDRESS deprecated" for each device."""
    return tuple(
        Address(device, text.removesuffix(" deprecated"), text.endswith(" deprecated"))
        for device, texts in by_device.items()
        for text in texts
    )


def tunnel(name, text):
    """Return the tunnel that a plan writes as ``text``."""
    local, remote, link, mtu = TUNNEL.fullmatch(text).groups()
    return Tunnel(name, local, remote, link, int(mtu))


def route(text):
    """Return the route that a plan writes as ``text``."""
    device, name, metric = ROUTE.fullmatch(text).groups()
    return Route(MAIN if name == "main" else int(name), device or "", int(metric or 0))


def rule(text):
    """Return the routing rule that a plan writes as ``text``."""
    priority, source, mark, mask, name, suppress = RULE.fullmatch(text).groups()
    return RouteRule(
        int(priority),
        MAIN if name == "main" else int(name),
        source or "",
        int(mark or "0", 16),
        int(mask or "0", 16),
        None if suppress is None else int(suppress),
    )


def table(wanted, edited=False, instead=None):
    """Return the table as ``wanted``, but for ``instead`` (new text = old text) and ``edited``."""
    text = wanted.source()
    for new, old in (instead or {}).items():
        assert new in text
        text = text.replace(new, old)
    return replace(legacy.table(text), intact=not edited)


def to_toml(data):
    """Return a configuration as TOML."""
    found = []
    ways = {f"way.{name}": one for name, one in data.get("way", {}).items()}
    for name, section in {**data, **ways}.items():
        if name == "way":
            continue
        for one in section if isinstance(section, list) else [section]:
            found.append(f"[[{name}]]" if isinstance(section, list) else f"[{name}]")
            found += [f"{key} = {_inline(value)}" for key, value in one.items()]
    return "\n".join([*found, ""])


def _key(name):
    return json.dumps(name) if "." in name else name


def _inline(value):
    if isinstance(value, dict):
        found = (f"{_key(key)} = {_inline(one)}" for key, one in value.items())
        return "{ " + ", ".join(found) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(one) for one in value) + "]"
    return json.dumps(value)


def compare(path, text):
    """Compare ``text`` with a golden file, or write it if that was asked for; "" for no file."""
    if WRITE:
        path.unlink(missing_ok=True)
        if text:
            path.write_text(text)
    golden = path.read_text() if path.exists() else ""
    assert golden == text, f"{path.relative_to(GOLDEN)} is different; see {GOLDEN}/README.md"

"""What the owner and this program write: configuration, rules, state, records."""

import json
import re
import tomllib
from pathlib import Path
from zlib import crc32

from fuzzing import DATA, ROOT, FileTarget, Target, files
from machine import BASE, Machine

from dualwan.config import from_text
from dualwan.errors import ConfigError
from dualwan.host import records, store
from dualwan.host.remote import update_call
from dualwan.mape import packaged, table
from dualwan.model.event import Event
from dualwan.model.observed import TableId
from dualwan.model.state import RunState
from dualwan.planning import make_plan

TREE = Path(__file__).parents[2]
RULES_D = ROOT / "there-is-no-rules.d"
CONFIG = from_text("dualwan.toml", BASE)
EXAMPLE = (TREE / "etc/dualwan.toml").read_text()
UNCOMMENTED = re.sub(r"^# ([a-z0-9-]+ = )", r"\1", EXAMPLE, flags=re.MULTILINE)
CONFIGS = (
    BASE.encode(),
    UNCOMMENTED.encode(),
    EXAMPLE.encode(),
    *files(TREE / "tests/golden/config", "*.toml"),
)
MACHINE = Machine("wan0", "lan0", "ppp0")


def _config(text):
    """Check a configuration; plan what follows from some of those that are accepted."""
    config = from_text("dualwan.toml", text, RULES_D)
    if crc32(text.encode("utf-8", "replace")) % 16 == 0:
        machine = Machine(config.wan.interface, *config.lan.devices)
        make_plan(config, machine, Event.APPLY)
        make_plan(config, machine, Event.POST_DOWN)


def _packaged(text):
    for line in packaged.read("file", text):
        line.rule()


def _structured(tree):
    _config("\n".join(f"{_key(key)} = {_toml(value)}" for key, value in _items(tree)))


def _items(tree):
    return tree.items() if isinstance(tree, dict) else [("x", tree)]


def _key(key):
    return json.dumps(key, ensure_ascii=True)


def _toml(value):
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case str():
            return _key(value)
        case dict():
            return (
                "{" + ", ".join(f"{_key(one)} = {_toml(two)}" for one, two in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value)


def _state(folder):
    state = store.load_state()
    store.encode(state)
    records.load(TableId("ip", "dualwan_snat"))
    if state == RunState():
        return
    often = crc32((folder / "state.json").read_bytes()) % 8
    for event in (Event.REMOVE,) if often else (Event.REMOVE, Event.APPLY):
        make_plan(CONFIG, MACHINE, event, state=state)


def _record(folder):
    del folder  # DUALWAN_RUN names it
    found = records.load(TableId("ip", "dualwan_snat"))
    if found:
        found.table.source()
    records.all_expected()


RULES = (DATA.parents[1] / "src/dualwan/mape/mape-rules.txt").read_bytes()
RULE_TOML = b"""\
[[rule]]
provider = "example"
ipv6-prefix = "2001:db8::/40"
ipv4-prefix = "192.0.2.0/24"
ea-length = 16
psid-offset = 4
br = "2001:db8:ffff::9"
layout = "draft"
source = "a letter"
"""
STATE = store.encode(
    RunState(
        wanted=True,
        sysctls={"tunnel": {"net/ipv6/conf/all/forwarding": "0"}},
        tunnels=("mape0",),
        softwires={"mape": "192.0.2.18"},
        ces={"mape": "2001:db8::1"},
        sessions={"pppoe": "203.0.113.7"},
        interfaces={"pppoe": "ppp0"},
        prefix="2001:db8:0:100::/64",
        tables=("dualwan_snat", "dualwan_pbr"),
        owed_flows=("192.0.2.18",),
    )
) | {"addresses": [["wan0", "2001:db8::1"]], "found": [["wan0", "2001:db8::2", True]]}
OLD_STATE = {
    **{key: value for key, value in STATE.items() if key not in ("softwires", "ces", "sessions")},
    "mape": "192.0.2.18",
    "pppoe": "",
    "told": "x",
    "tables": {"dualwan_snat": ["table ip dualwan_snat {\n\tchain a {\n\t\tdrop\n\t}\n}\n", "x"]},
}
RECORD = {
    "family": "ip",
    "blocks": [
        ["chain", "a", "type nat hook prerouting priority 0;", False, "x", ["drop", ["w", "v"]]]
    ],
    "digest": "x",
    "stamp": "y",
    "generation": 7,
}

TARGETS = (
    Target(
        "config-text",
        lambda data: _config(data.decode("utf-8", "replace")),
        CONFIGS,
        (ConfigError,),
        printable=False,
    ),
    Target(
        "config-structured",
        _structured,
        tuple(tomllib.loads(text.decode()) for text in (CONFIGS[0], *CONFIGS[3:])),
        (ConfigError,),
        trees=True,
        printable=False,
    ),
    FileTarget(
        "rules-of-the-package",
        lambda folder: _packaged((folder / "file").read_text("utf-8", errors="replace")),
        (RULES[:4000],),
        (ConfigError,),
        printable=False,
    ),
    FileTarget(
        "rules.d",
        lambda folder: table.read_toml(folder / "file"),
        (RULE_TOML, RULE_TOML * 2),
        (ConfigError,),
        printable=False,
    ),
    FileTarget(
        "update-file",
        lambda folder: update_call.read(folder / "file"),
        (
            b'url = "https://u.example.jp/x?user=me&pass=s"\naddress-parameter = "ip"\n',
            b'url = "http://u.example.jp/"\nuser = "me"\npassword = "x"\ninsecure-http = true\n',
        ),
        (ConfigError,),
        printable=False,
    ),
    FileTarget(
        "state",
        _state,
        tuple(json.dumps(one).encode() for one in (STATE, OLD_STATE)),
        paths=("state.json",),
        variable="DUALWAN_RUN",
    ),
    FileTarget(
        "record",
        _record,
        (json.dumps(RECORD).encode(),),
        (),
        paths=("tables/dualwan_snat.json", "tables/dualwan_pbr.expected.json"),
        variable="DUALWAN_RUN",
    ),
)

"""What this program keeps for its next runs: configurations, trials, elements, looks at nft."""

import json
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch
from zlib import crc32

from fuzz_own import CONFIG, RULE_TOML, STATE
from fuzzing import FileTarget, Target, nftables
from machine import BASE, Machine

from dualwan import hook
from dualwan.config import from_text
from dualwan.errors import DualwanError
from dualwan.handle import trial as trial_run
from dualwan.host import (
    in_use,
    last_good,
    nft_elements,
    noted,
    pppd,
    store,
    tables,
    trials,
)
from dualwan.host.kernel_trial import KernelTrial
from dualwan.host.nft import Nft
from dualwan.model.event import Event
from dualwan.model.observed import TableId
from dualwan.model.trial import Phase
from dualwan.planning import make_plan

PATH = Path("/proc/sys/kernel/ostype")  # a file that is the same everywhere


def _last_good(folder):
    """Use the configuration that was applied last, as an event does while there is none other."""
    del folder  # DUALWAN_STATE names it
    found = last_good.load(PATH)
    if found is None:
        return
    assert found.what.isprintable()
    last_good.encode(found.config)
    if crc32(found.config.text.encode("utf-8", "replace")) % 8 == 0:
        make_plan(found.config, Machine(found.config.wan.interface, "lan0"), Event.APPLY)


def _unlogged(run):
    """Return ``run`` without a system log."""

    def silent(folder):
        with patch("syslog.syslog", lambda *_: None):
            run(folder)

    return silent


def _applied(folder):
    """Begin a trial, to whose end the configuration belongs that is noted as applied."""
    del folder  # DUALWAN_RUN names it
    machine = Machine("wan0", "lan0", "ppp0")
    with machine.lock(1):
        machine.save_state(store.load_state())
    begun = trial_run.begin(CONFIG, str(PATH), machine, 60)
    assert isinstance(begun.before, str)
    if begun.before:
        from_text("dualwan.toml", begun.before)


def _trial(folder):
    """Go back from a trial, and use what it says meanwhile."""
    del folder  # DUALWAN_STATE names it
    found = trials.load()
    in_use.read(PATH)
    if found is None:
        return
    machine = Machine("wan0", "lan0")
    machine.trial, machine.boot = found, found.boot
    if crc32(repr(found).encode("utf-8", "replace")) % 8 == 0:
        trial_run.go_back(machine)
    else:
        trial_run.confirm(machine) if found.phase is Phase.PENDING else None
        trial_run._words(found, 1000.0)


def _trial_of_a_hook(folder):
    """Ask as a hook does whether an interface is ours."""
    environ = {"DUALWAN_STATE": str(folder), "DUALWAN_CONFIG": str(PATH)}
    for interface, called in (("wan0", ""), ("eth9", ""), ("ppp7", "dsl-provider")):
        hook._may_concern_us(interface, str(PATH), called, environ)


def _elements(folder):
    """Put back the elements that are kept; nft is asked for nothing else, of tables of ours."""
    del folder  # DUALWAN_STATE names it
    asked = []

    def answer(command):
        asked.append(command)
        return 0, LISTED_SETS if command.startswith("list ") else "", ""

    with patch.dict("sys.modules", nftables=nftables(answer)):
        KernelTrial().put_back_elements()
    for command in asked:
        words = command.split(" ")
        assert words[:2] in (["list", "table"], ["add", "element"]), command
        noted.family(words[2])
        noted.table(words[3])
        inside = command.partition("{ ")[2].removesuffix(" }")
        assert not {*inside} & {*"{};#\n\\"}, command


def _sets(data):
    """List sets that packets fill, as nft prints them."""
    text = data.decode("utf-8", "replace")
    with patch.dict("sys.modules", nftables=nftables(lambda _: (0, text, ""))):
        nft_elements.listed([TableId("ip", "dualwan_snat")])


def _seen(folder):
    """Compare with what was seen of the nft tables last, and keep nothing."""
    del folder  # DUALWAN_RUN names it
    with patch("dualwan.host.nft_handles.namespace", lambda: 7):
        found = tables._load()
        tables._encode(found)
    with (
        patch("dualwan.host.nft_handles.namespace", lambda: 7),
        patch("dualwan.host.nft_handles.generation", lambda: 5),
        patch("dualwan.host.nft_handles.look", lambda asked: (6, dict.fromkeys(asked))),
    ):
        tables.Tables(Nft()).observe([TableId("ip", "dualwan_snat")])


def _dial(folder):
    """Take a peer that a confined unit wants dialled."""
    del folder  # DUALWAN_RUN names it
    with (
        patch("dualwan.host.pppd.locked", lambda *_: nullcontext()),
        patch("dualwan.host.run_files.remove", lambda _: None),
        patch("dualwan.host.run_files.write", lambda *_: None),
    ):
        assert "/" not in pppd.take_wanted()


NAMED = {"dualwan.toml": BASE, "rules.d": RULE_TOML.decode()}
LAST_GOOD = {"path": str(PATH), "text": BASE, "rules": {"/x/rules.d/a.toml": NAMED["rules.d"]}}
OF_A_LATER_VERSION = {
    "path": str(PATH),
    "text": BASE.replace("dial = false", "dial = false\nnew = 5\n[new]\nx = 1"),
    "rules": {},
}
BEFORE = BASE.replace("psid = 1", "psid = 2")
TRIAL_RECORD = {
    "path": str(PATH),
    "source": str(PATH),
    "boot": "b",
    "until": 1000.5,
    "phase": Phase.PENDING.value,
    "drafts": ["x", BASE],
    "state": STATE,
    "attempts": 0,
}
KEPT_ELEMENTS = [
    ["ip", "dualwan_snat", "refused", ["192.168.1.2 counter packets 3 bytes 180"]],
    [
        "inet",
        "dualwan_firewall",
        "guard",
        ["198.51.100.7 timeout 1h expires 59m4s992ms", "198.51.100.8 . 22 : 5", "10.0.0.0/8"],
    ],
]
LISTED_SETS = """\
table ip dualwan_snat {
\tset refused {
\t\ttypeof ip saddr
\t\tsize 65535\t# count 1
\t\tflags dynamic,timeout
\t\tcounter
\t\telements = { 192.168.1.2 counter packets 3 bytes 180,
\t\t\t     192.168.1.3 timeout 1h expires 59m4s992ms }
\t}
\tmap ports {
\t\ttype ipv4_addr : inet_service
\t\tflags dynamic
\t\telements = { 192.168.1.2 : 1040 }
\t}
\tset fixed {
\t\ttype ipv4_addr
\t\telements = { 192.168.1.9 }
\t}
}
"""
SEEN = {
    "namespace": 7,
    "generation": 5,
    "tables": [["ip", "dualwan_snat", ["ab12", "6279"]], ["ip", "dualwan_pbr", None]],
}

TARGETS = (
    FileTarget(
        "last-good-text",
        _last_good,
        (json.dumps(LAST_GOOD).encode(), json.dumps(OF_A_LATER_VERSION).encode()),
        (),
        paths=("last-good.json",),
        variable="DUALWAN_STATE",
    ),
    FileTarget(
        "last-good",
        _last_good,
        (LAST_GOOD, OF_A_LATER_VERSION),
        (),
        trees=True,
        paths=("last-good.json",),
        variable="DUALWAN_STATE",
    ),
    FileTarget(
        "applied",
        _unlogged(_applied),
        (json.dumps(STATE).encode() + b"|" + json.dumps(BASE).encode(),),
        printable=False,
        paths=("state.json", "applied.json"),
        variable="DUALWAN_RUN",
    ),
    FileTarget(
        "trial-text",
        _unlogged(_trial),
        (b"|".join((json.dumps(TRIAL_RECORD).encode(), BASE.encode(), BEFORE.encode())),),
        printable=False,
        paths=(trials.RECORD, trials.TRIED, trials.BEFORE),
        variable="DUALWAN_STATE",
    ),
    FileTarget(
        "trial",
        _unlogged(_trial),
        (TRIAL_RECORD,),
        printable=False,
        trees=True,
        rest=f"|{BASE}|{BEFORE}".encode(),
        paths=(trials.RECORD, trials.TRIED, trials.BEFORE),
        variable="DUALWAN_STATE",
    ),
    FileTarget(
        "trial-of-a-hook",
        _trial_of_a_hook,
        (BASE.encode() + b"|" + BASE.encode() + b"|" + json.dumps(LAST_GOOD).encode(),),
        (),
        paths=(trials.TRIED, trials.BEFORE, "last-good.json"),
        variable="DUALWAN_STATE",
    ),
    FileTarget(
        "elements",
        _elements,
        (KEPT_ELEMENTS,),
        (),
        trees=True,
        paths=(trials.ELEMENTS,),
        variable="DUALWAN_STATE",
    ),
    FileTarget(
        "elements-text",
        _elements,
        (json.dumps(KEPT_ELEMENTS).encode(),),
        (),
        paths=(trials.ELEMENTS,),
        variable="DUALWAN_STATE",
    ),
    Target("sets-of-nft", _sets, (LISTED_SETS.encode(),), (DualwanError,)),
    FileTarget(
        "seen",
        _seen,
        (SEEN,),
        (DualwanError,),
        trees=True,
        paths=("seen.json",),
        variable="DUALWAN_RUN",
    ),
    FileTarget(
        "dial",
        _dial,
        (b'"dsl-provider"', b'["dsl-provider", "second"]'),
        (),
        paths=(pppd.WANTED,),
        variable="DUALWAN_RUN",
    ),
)

"""What the owner's scripts are told: what waits for them, what is kept of them, what they write."""

import json
import os
import stat
from types import SimpleNamespace
from unittest.mock import patch
from zlib import crc32

from fuzzing import FileTarget, Target

from dualwan.host.around import own_scripts
from dualwan.host.notice import queue, runner, script
from dualwan.notice import stored
from dualwan.notice.choice import NAME, Entry, chosen
from dualwan.notice.environment import environment
from dualwan.notice.pending import Pending, Shift, notices
from dualwan.notice.router import Router, WayState


def _queue(folder):
    """Tell what waits to a script that is not there to be started."""
    queue.known()
    for one in queue.failures():
        str(one)
    own_scripts.failed(folder)
    found = queue.waiting()
    if found is None:
        return
    _said(found.pending)
    if "\0" not in found.folder:
        with (
            patch.object(runner, "_run", lambda *_: ""),
            patch.object(queue, "save_failures", lambda _: None),
            patch.object(runner, "logger", _silent),
        ):
            runner.tell(found._replace(folder="/nonexistent"))


def _silent(**_):
    return SimpleNamespace(info=str, error=str)


def _said(pending):
    for notice in notices(pending):
        str(notice.text)
        for name, value in environment(notice).items():
            os.fsencode(f"{name}={value}")
            assert "\0" not in value
    stored.decode(stored.encode(pending))


def _pending(tree):
    try:
        pending = stored.decode(tree)
    except queue.BROKEN:
        return
    _said(pending)


def _script_names(data):
    """Choose among files of any name and mode."""
    entries = [
        Entry(
            name.decode("utf-8", "surrogateescape"),
            crc32(name) & 0o7777 | (stat.S_IFREG, stat.S_IFLNK, stat.S_IFDIR)[len(name) % 3],
            crc32(name) >> 16 & 1,
        )
        for name in data.split(b"\n")
    ]
    scripts, refused = chosen(entries)
    assert all(NAME.fullmatch(one) for one in scripts)
    assert not {*scripts} & {one.name for one in refused}


def _output(data):
    """Show what a script has written, from a file in the place of its pipe."""
    said = script._Output.__new__(script._Output)
    said._kept, said._bytes, said.open = data[: script.OUTPUT_BYTES], len(data), False
    assert all(line.isprintable() for line in said.lines)
    assert len(said.lines) <= script.OUTPUT_LINES + 1


UP = WayState(up=True, interface="mape0", address="192.0.2.18", ports=((1040, 1055), (2064, 2079)))
GONE = WayState(lost=True, interface="ppp0", address="203.0.113.7", ports=((1, 65535),))
ROUTER = Router({"mape": UP, "pppoe": GONE}, "mape", "pppoe", "2001:db8:0:100::/64")
PENDING = Pending(
    {"mape": Shift(WayState(), UP), "pppoe": Shift(GONE._replace(up=True, lost=False), GONE)},
    "mape",
    ROUTER,
    ("tunnel", "snat"),
    "ppp-up of ppp0",
)
WAITING = {"pending": stored.encode(PENDING), "folder": "/etc/dualwan/hooks.d"}
FAILED = [["/etc/dualwan/hooks.d", "10-dns", "exit code 1", "up of mape (192.0.2.18)"]]

TARGETS = (
    FileTarget(
        "hooks-queue",
        _queue,
        (
            b"|".join(
                json.dumps(one).encode() for one in (stored.encode_router(ROUTER), WAITING, FAILED)
            ),
        ),
        (),
        paths=(queue.KNOWN, queue.PENDING, queue.FAILED),
        variable="DUALWAN_RUN",
    ),
    Target("hooks-notices", _pending, (stored.encode(PENDING),), (), trees=True),
    Target("hooks-names", _script_names, (b"10-dns\nmail\n.hidden\nx.sh\n20-\xe3\x81\x82",), ()),
    Target("hooks-output", _output, (b"updated\n\x1b[2Jx\r\n" * 3, bytes(range(256)) * 20), ()),
)

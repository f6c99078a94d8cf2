"""How this program is called: by hooks with their environment, by a person with arguments."""

import contextlib
import io
from unittest.mock import patch

from fuzzing import ROOT, Target
from machine import BASE, Machine

from dualwan import cli, handle, hook

HOOK_CONFIG = ROOT / "dualwan.toml"
HOOK_CONFIG.write_text(BASE.replace("dial = false", "dial = true"))


def _hook(tree):
    """Call a hook; what it would let happen has to be of our WAN or of our session."""
    if not isinstance(tree, dict):
        return
    given = tree.get("environ")
    environ = (
        {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
    )
    environ["DUALWAN_CONFIG"] = str(HOOK_CONFIG)
    arguments = (
        [str(one) for one in tree.get("arguments") or () if one is not None]
        if isinstance(tree.get("arguments"), list)
        else []
    )
    folder = str(tree.get("folder"))
    ids, name = hook.from_networkmanager(arguments, environ)
    called = [(one, name) for one in ids]
    called += [hook.from_ifupdown(folder, environ), hook.from_ppp(folder, environ)]
    happened = []
    taken = handle.handle_event, hook._report_bug
    handle.handle_event = lambda _config, _host, event: happened.append(event)
    hook._report_bug = _bug
    try:
        for event_id, interface in called:
            happened.clear()
            assert hook.hook(event_id, interface, environ) == 0
            ours = environ.get("CALL_FILE") == "dsl-provider" or interface in ("wan0", "ppp0")
            assert ours or not happened, f"{event_id} of {interface} is not ours"
    finally:
        handle.handle_event, hook._report_bug = taken


def _bug(_event, error):
    raise error


def _arguments(data):
    """Call the command; it ends with one of its codes, on a machine in memory."""
    argv = [one.decode("utf-8", "surrogateescape") for one in data.split(b"\0")]
    if any(one.startswith("w") for one in argv):  # watch does not end
        return
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        patch("dualwan.host.kernel.KernelHost", lambda: Machine("wan0", "lan0")),
        patch("syslog.syslog", lambda *_: None),
    ):
        try:
            code = cli.main([f"--config={HOOK_CONFIG}", *argv])
        except SystemExit as end:
            code = end.code
    assert code in (0, 1, 2, 3, 4, 5), code


HOOKS = (
    {
        "folder": "if-up.d",
        "arguments": ["wan0", "up"],
        "environ": {
            "IFACE": "wan0",
            "LOGICAL": "wan0",
            "ADDRFAM": "inet6",
            "METHOD": "auto",
            "MODE": "start",
            "PHASE": "post-up",
            "PATH": "/sbin",
            "VERBOSITY": "0",
        },
    },
    {
        "folder": "ip-up.d",
        "arguments": ["ppp0", "pre-down"],
        "environ": {
            "PPP_IFACE": "ppp0",
            "PPP_LOCAL": "203.0.113.7",
            "PPP_REMOTE": "203.0.113.1",
            "PPP_IPPARAM": "",
            "CALL_FILE": "dsl-provider",
            "CONNECTION_EXTERNAL": "yes",
        },
    },
    {"folder": "if-down.d", "arguments": ["eth9", "down"], "environ": {"IFACE": "--all"}},
)
ARGUMENTS = tuple(
    words_.replace(" ", "\0").encode()
    for words_ in (
        "mape 2400:4050:1234:5600::/56 --provider ocn --json",
        "--dry-run --exit-code --slice snat",
        "status --json",
        "status --prometheus",
        "check",
        "event up wan0",
        "down",
    )
)

TARGETS = (
    Target("hook", _hook, HOOKS, (), trees=True),
    Target("arguments", _arguments, ARGUMENTS, ()),
)

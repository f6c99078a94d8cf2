"""What a hook takes of its environment: how it is called, and nothing else.

pppd's option ``set`` is for every user who may start it, and its names reach root's scripts.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dualwan import hook
from dualwan.line.provisioning import dhcpv6

HOOKS = Path(__file__).parents[2] / "hooks"
HOSTILE = {
    "DUALWAN_CONFIG": "/tmp/theirs.toml",  # noqa: S108 - never opened
    "DUALWAN_RUN": "/tmp/theirs",  # noqa: S108 - never opened
    "DUALWAN_STATE": "/tmp/theirs",  # noqa: S108 - never opened
    "SSL_CERT_FILE": "/tmp/theirs.pem",  # noqa: S108 - never opened
    "SSL_CERT_DIR": "/tmp/theirs",  # noqa: S108 - never opened
    "OPENSSL_CONF": "/tmp/theirs.cnf",  # noqa: S108 - never opened
    "PYTHONPATH": "/tmp/theirs",  # noqa: S108 - never opened
    "PYTHONHOME": "/tmp/theirs",  # noqa: S108 - never opened
    "LD_LIBRARY_PATH": "/tmp/theirs",  # noqa: S108 - never opened
    "PATH": "/tmp/theirs",  # noqa: S108 - never opened
    "HOME": "/tmp/theirs",  # noqa: S108 - never opened
    "https_proxy": "http://theirs.example",
    "PPP_LOCAL": "192.0.2.1",
    "PPP_THEIRS": "word",
    "NOTIFY_SOCKET": "/tmp/theirs",  # noqa: S108 - never opened
}
# The hook as it is; what would handle the event tells what is left of the environment.
RUN = """
import json, os, ssl, sys
sys.path.insert(0, sys.argv[1])
from dualwan import paths
paths.CONFIG = sys.argv[2]
import dualwan.handle
from dualwan.host import answers, leases, run_files
def tell(*given):
    print(json.dumps([dict(os.environ), str(run_files.directory()), str(answers.directory())]))
dualwan.handle.handle_event = tell
leases.note = tell
sys.argv = sys.argv[3:]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
"""


def run(config, path, *arguments, **environ):
    """Run a hook with a hostile environment; return what is left, and both of our folders."""
    src = Path(hook.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUN, src, config, path, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**HOSTILE, **environ},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout.splitlines()[0]) if done.stdout else None


@pytest.fixture(name="calls")
def _calls(tmp_path):
    """Return how each hook is called for us: path, arguments and environment."""
    (tmp_path / "ip-up.d").mkdir()
    (tmp_path / "ip-up.d/00dualwan-hook").symlink_to(HOOKS / "ppp")
    return {
        "ifupdown": (HOOKS / "ifupdown", (), {"PHASE": "post-up", "IFACE": "wan0"}),
        "networkmanager": (HOOKS / "networkmanager", ("wan0", "up"), {"CONNECTION_EXTERNAL": "0"}),
        "ppp": (
            tmp_path / "ip-up.d/00dualwan-hook",
            (),
            {"PPP_IFACE": "ppp0", "CALL_FILE": "dsl-provider"},
        ),
        "dhcp6": (HOOKS / "dhcp6", (), {"interface": "wan0", "new_dhcp6_unknown_94": "0:59"}),
    }


@pytest.mark.parametrize("name", ["ifupdown", "networkmanager", "ppp", "dhcp6"])
def test_a_hook_takes_how_it_is_called_and_nothing_else(config, calls, name):
    """Other folders, authorities and code paths are gone before anything could read them."""
    path, arguments, environ = calls[name]
    left, runs, state = run(config, path, *arguments, **environ)
    assert left == environ
    assert (runs, state) == ("/run/dualwan", "/var/lib/dualwan")


@pytest.mark.parametrize("name", ["ifupdown", "networkmanager", "ppp"])
def test_a_hook_reads_the_configuration_of_the_machine_alone(config, calls, tmp_path, name):
    """The one that DUALWAN_CONFIG names is not looked at, though it would make the event ours."""
    path, arguments, environ = calls[name]
    nothing = tmp_path / "none.toml"
    assert run(nothing, path, *arguments, DUALWAN_CONFIG=str(config), **environ) is None


def test_every_hook_that_is_installed_is_tested(calls):
    """A new one drops its environment too; what closes the machine has arguments alone."""
    assert {path.name for path in HOOKS.iterdir()} - {"close"} == {*calls}
    assert "environ" not in (HOOKS / "close").read_text(encoding="utf-8")


def test_a_dhcpv6_client_may_say_all_that_is_read_of_it():
    """The names that the reader of the environment knows, and the interface."""
    assert {*hook.TAKEN_FROM_DHCP} == {"interface", *dhcpv6.VARIABLES}


def test_no_code_of_ours_starts_a_program_another_way(monkeypatch):
    """``host.program`` alone does, and the runner of the owner's scripts, each in a clean one."""
    src = Path(hook.__file__).parent
    found = {
        path.relative_to(src).as_posix()
        for path in src.rglob("*.py")
        if any(
            word in path.read_text(encoding="utf-8")
            for word in ("import subprocess", "os.exec", "os.spawn", "posix_spawn", "os.system")
        )
    }
    assert found == {"host/program.py", "host/notice/handover.py", "host/notice/script.py"}
    from dualwan.host import program  # noqa: PLC0415 - what is asked about

    monkeypatch.setenv("LD_PRELOAD_OF_SOMEBODY", "x")
    code, said, _ = program.output([sys.executable, "-c", "import os; print(sorted(os.environ))"])
    assert (code, {*eval(said)} - {"LC_CTYPE"}) == (0, {*program.ENVIRONMENT})  # noqa: S307 - a list that our own line printed
    assert "LD_PRELOAD_OF_SOMEBODY" in os.environ

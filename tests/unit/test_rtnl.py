"""How pyroute2's socket is loaded: without the package's own start, or with it where need be.

Each test loads it in a process of its own, from a pyroute2 that is laid out as it says.
"""

import json
import os
import platform
import subprocess
import sys

import pytest

TELL = """\
import json, sys
from dualwan.host import rtnl
print(json.dumps([rtnl.IPRoute.__module__, rtnl.IPRoute.__name__, sorted(
    name for name in sys.modules if name.partition(".")[0] == "pyroute2")]))
"""
LINUX = """\
from pyroute2.netlink import NLM_F_ACK
class IPRoute:
    pass
"""
FILES = {
    "__init__.py": "raise AssertionError('the package was started')\n",
    "iproute/__init__.py": "",
    "iproute/linux.py": LINUX,
    "netlink/__init__.py": "NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST = 4, 1024, 1\n",
    "netlink/exceptions.py": "class NetlinkError(Exception):\n    pass\n"
    "class NetlinkDumpInterrupted(NetlinkError):\n    pass\n",
    "netlink/rtnl/__init__.py": "RTM_NEWROUTE = 24\n"
    "RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE, RTMGRP_LINK = 1, 2, 3\n",
}
STARTED = "class IPRoute:\n    pass\n"


@pytest.fixture(name="load")
def _load(tmp_path):
    """Return a function that loads rtnl with FILES changed; it returns the finished process.

    ``before`` and ``after`` are Python that the process runs besides.
    """

    def load(before="", after="", **changed):
        for name, text in {**FILES, **changed}.items():
            path = tmp_path / "pyroute2" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])
        return subprocess.run(
            [sys.executable, "-B", "-c", before + TELL + after],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )

    return load


def test_the_package_is_not_started():
    """The one that is installed here: its database, command line and laboratory stay away."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", TELL],
        check=True,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    module, name, loaded = json.loads(done.stdout)
    assert (module, name) == ("pyroute2.iproute.linux", "IPRoute")
    assert not {
        "pyroute2.ndb",
        "pyroute2.ndb.main",
        "pyroute2.cli",
        "pyroute2.netns.nslink",
        "pyroute2.ipdb",
    } & set(loaded)


def test_a_layout_that_is_known_is_taken_directly(load):
    """`__init__.py` is not run, whatever it would do."""
    done = load()
    assert done.stderr == ""
    assert json.loads(done.stdout)[:2] == ["pyroute2.iproute.linux", "IPRoute"]


@pytest.mark.parametrize(
    "linux",
    [
        pytest.param(None, id="the module is elsewhere"),
        pytest.param("", id="the class is elsewhere"),
        pytest.param("import pyroute2.missing\n", id="it needs a module that is not there"),
        pytest.param("import pyroute2\npyroute2.config\n", id="it needs what the start provides"),
    ],
)
def test_a_layout_that_is_not_known_is_imported_as_usual(load, linux):
    """Whole, and anew: what was loaded of it on the short way is forgotten."""
    done = load(**{"__init__.py": STARTED, "iproute/linux.py": linux})
    assert done.stderr == ""
    assert json.loads(done.stdout)[:2] == ["pyroute2", "IPRoute"]


def test_an_error_of_the_usual_import_is_told(load):
    """Nothing hides why pyroute2 cannot be used."""
    done = load(**{"iproute/linux.py": ""})
    assert done.returncode != 0
    assert "AssertionError: the package was started" in done.stderr


def test_a_package_that_was_started_already_is_used_as_it_is(load):
    """By another part of the process, before: no second one beside it."""
    done = load(
        "import pyroute2\npyroute2.marked = True\n",
        "\nassert pyroute2.marked\n",
        **{"__init__.py": ""},
    )
    assert done.stderr == ""
    assert json.loads(done.stdout)[:2] == ["pyroute2.iproute.linux", "IPRoute"]


NO_PROCESS = """\
import platform, sys
asked = platform.architecture
def hook(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork"):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(hook)
from dualwan.host import rtnl
from pyroute2 import config
print(rtnl.IPRoute.__name__, config.arch)
assert platform.architecture is asked
"""


def test_no_program_is_started_to_load_it():
    """file(1) on the interpreter takes longer than the whole import of a small module."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", NO_PROCESS], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["IPRoute", platform.architecture()[0]]

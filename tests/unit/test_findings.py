"""The registry of findings: what is on it, and which part of it a check needs."""

import subprocess
import sys
from pathlib import Path

from machine import config
from scripts import write

from dualwan import findings
from dualwan.findings import ALL, IN_FILES, PEER, find, finder
from dualwan.host.around import files

HERE = Path(findings.__file__).parent
APART = {"__init__", "own_addresses", "packets", "ssh_session"}  # called by name, or by others


def test_every_module_is_on_the_list():
    """A finder that is on none finds nothing."""
    assert {path.stem for path in HERE.glob("*.py")} - APART == {
        module for module, _ in ALL if module not in APART
    }
    assert all(callable(finder(*one)) for one in ALL)
    assert {*PEER, *IN_FILES} <= {*ALL}


def test_what_a_check_asks_is_all_that_can_find_something_in_files(tmp_path, monkeypatch):
    """The others find nothing in what it reads, whatever is wrong there."""
    monkeypatch.setenv("DUALWAN_CONFIG", str(tmp_path / "etc/dualwan/dualwan.toml"))
    dials = config(dial="dial = false -> dial = true")
    folder = tmp_path.joinpath(*tmp_path.parts[1:], "etc/dualwan/hooks.d")
    folder.mkdir(parents=True)
    write(folder, "50-ddns.sh", "exit 0")
    for path, text in {
        "etc/ppp/ip-up.local": "#!/bin/sh\n",
        "etc/ppp/peers/dsl-provider": "defaultroute\n",
        "etc/rc.local": "#!/bin/sh\npon dsl-provider\n",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
    around = files.look(tmp_path, dials)
    codes = {one.code for one in find(dials, around, IN_FILES)}
    assert codes > {"hook-shadowed", "ppp-default-route", "hooksd-name", "ppp-second-starter"}
    assert find(dials, around) == find(dials, around, IN_FILES)


def test_a_finder_is_loaded_when_it_is_asked():
    """The list itself costs no event and no check anything."""
    code = "import sys, dualwan.findings; print([x for x in sys.modules if 'dualwan' in x])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "['dualwan', 'dualwan.findings']\n"

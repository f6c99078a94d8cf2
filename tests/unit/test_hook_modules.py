"""What an event loads before it looks at the kernel, module by module."""

import os
import subprocess
import sys

import pytest
from hook_modules import outside

RUN = """\
import sys, syslog
before = set(sys.modules)
syslog.syslog = lambda *_: None
from dualwan import hook
hook.hook(*sys.argv[1:])
print(*set(sys.modules) - before)
"""


@pytest.mark.parametrize("event", [("pre-up", "wan0"), ("up", "wan0"), ("ppp-up", "ppp0")])
def test_an_event_loads_what_is_on_its_list(config, tmp_path, event):
    """Up to the first lock, which is refused here, and the line in the log about that.

    Neither dataclasses, subprocess and OpenSSL, nor anything that only a report, a diagnosis or a
    server of the line needs.
    """
    run = tmp_path / "run"
    run.mkdir()
    run.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", RUN, *event],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "DUALWAN_CONFIG": str(config), "DUALWAN_RUN": str(run)},
    )
    loaded = done.stdout.split()
    assert "others than root may change it" in done.stderr
    assert {"dualwan.host.kernel", "dualwan.log", "tomli"} <= set(loaded)
    assert outside(loaded, {"grp", "pwd"}) == []  # whose folder it is

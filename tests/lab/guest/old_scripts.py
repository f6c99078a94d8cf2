"""mape.sh and pppoe.sh as they were published, with this line's values, and run by ifupdown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guest import command, router
from guest.addresses import BR, CE, LAN, MAPE_ADDRESS, PSID, WAN

_PUBLISHED = Path("/lab/checkout/tests/data/scripts")
TUNNEL = "ip6tnl1"
_FOLDER = Path("/root/etc")
_NAMES = ("mape.sh", "pppoe.sh")
_VALUES = {"BR": BR, "CE": CE, "IP4": MAPE_ADDRESS, "PSID": str(PSID)}
_STANZA = f"""
# The primary network interface
allow-hotplug {WAN}
iface {WAN} inet6 auto
    up MODE=start {_FOLDER}/mape.sh
    up MODE=start {_FOLDER}/pppoe.sh
    down MODE=stop {_FOLDER}/pppoe.sh
    down MODE=stop {_FOLDER}/mape.sh
iface {WAN} inet manual
"""


@contextmanager
def running() -> Iterator[None]:
    """Bring the WAN up by the scripts, which whoever uses this stops; remove them at the end."""
    _FOLDER.mkdir()
    for name in _NAMES:
        _write(name)
    router.INTERFACES.write_text(router.INTERFACES.read_text() + _STANZA)
    try:
        command.run(["ifup", WAN], limit=240)
        yield
    except BaseException:
        for name in reversed(_NAMES):
            command.attempt(["env", "MODE=stop", f"{_FOLDER}/{name}"])
        raise
    finally:
        shutil.rmtree(_FOLDER)


def _write(name: str) -> None:
    text = (_PUBLISHED / name).read_text()
    for variable, value in _VALUES.items():
        text = re.sub(rf"(?m)^{variable}=.*$", f"{variable}='{value}'", text)
    script = _FOLDER / name
    script.write_text(text.replace("enp1s0", WAN).replace("enp3s0", LAN))
    script.chmod(0o755)

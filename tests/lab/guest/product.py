"""The product as its owner handles it: apt, a configuration, ifup and ifdown, the command."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guest import command, router
from guest.addresses import (
    BR,
    CE,
    FIRST_PPPOE_ADDRESS,
    LAN,
    MAPE_ADDRESS,
    PPP,
    PPPOE_PEER,
    PSID,
    PSID_LENGTH,
    PSID_OFFSET,
    WAN,
)

CONFIG = Path("/etc/dualwan/dualwan.toml")
COMMAND = "dualwan-hook"
MODULES = Path("/usr/share/dualwan-hook/dualwan")
SHARE = Path("/lab/results")
_APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", "--no-install-recommends")
# Only against hanging: an emulated guest on a busy host may be slow.
_APT_SECONDS, _COMMAND_SECONDS = 900.0, 300.0

GOOD_CONFIG = f"""\
[wan]
interface = "{WAN}"
[lan]
interfaces = ["{LAN}"]
[mape]
provider = "manual"
br = "{BR}"
ce = "{CE}"
ipv4 = "{MAPE_ADDRESS}"
psid = {PSID}
psid-offset = {PSID_OFFSET}
psid-length = {PSID_LENGTH}
[pppoe]
peer = "{PPPOE_PEER}"
interface = "{PPP}"
dial = true
[firewall]
inbound = ["ssh", "http", "https"]
"""


def with_keys(*, more: str = "", **sections: str) -> str:
    """GOOD_CONFIG with lines added to its sections, and with `more` sections at the end."""
    text = GOOD_CONFIG
    for name, lines in sections.items():
        head = f"[{name}]\n"
        assert head in text
        text = text.replace(head, f"{head}{lines}\n")
    return text + more


# The least that an owner must write: the rest follows from the line.
AUTO_CONFIG = f"""\
[wan]
interface = "{WAN}"
[lan]
interfaces = ["{LAN}"]
[mape]
provider = "auto"
"""


def package() -> Path:
    """The .deb under test, at a place that apt's own user can read."""
    return _local("dualwan-hook_*.deb")


def released_package() -> Path:
    """Return the .deb of the earlier release, copied for apt's user."""
    return _local("released-*.deb")


def _local(pattern: str) -> Path:
    shared = next(SHARE.glob(pattern))
    local = Path("/var/tmp") / shared.name  # noqa: S108 - the guest's own
    if not local.exists():
        shutil.copy(shared, local)
    return local


def install(file: Path | None = None) -> str:
    """Install a .deb with apt, by default the one under test; what apt said."""
    return command.run([*_APT, "install", str(file or package())], limit=_APT_SECONDS)


def upgrade() -> None:
    """Install the .deb under test over the present one, even if the versions are equal."""
    noninteractive = ("env", "DEBIAN_FRONTEND=noninteractive")
    command.run([*noninteractive, "dpkg", "-i", str(package())], limit=_APT_SECONDS)


def apt(*arguments: str) -> str:
    """Run another action of apt on the package."""
    return command.run([*_APT, *arguments], limit=_APT_SECONDS)


def is_installed() -> bool:
    """Whether the program is installed."""
    return shutil.which(COMMAND) is not None


def configure(text: str = GOOD_CONFIG) -> bool:
    """Write the configuration; whether it's another one than before."""
    CONFIG.parent.mkdir(exist_ok=True)
    if CONFIG.exists() and CONFIG.read_text() == text:
        return False
    CONFIG.write_text(text)
    return True


def apply(text: str = GOOD_CONFIG) -> None:
    """Write the configuration and apply it, as its owner does: `dualwan-hook`."""
    configure(text)
    command.run([COMMAND], limit=_COMMAND_SECONDS)


def up_with(text: str) -> None:
    """Bring the WAN up with this configuration, or apply it where the WAN is up already."""
    if wan_is_up():
        apply(text)
    else:
        configure(text)
        bring_up()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the product's command."""
    return command.attempt([COMMAND, *arguments], limit=_COMMAND_SECONDS)


def wan_is_up() -> bool:
    """Whether ifupdown says so."""
    return bool(command.attempt(["ifquery", "--state", WAN]).stdout.strip())


def bring_up(address: str = FIRST_PPPOE_ADDRESS) -> None:
    """`ifup` the WAN as its owner does, and wait until PPPoE has its address."""
    router.forget_stamps()
    command.run(["ifup", WAN], limit=_COMMAND_SECONDS)
    router.wait_for_hooks(address)


def take_down() -> None:
    """`ifdown` the WAN, and wait until pppd has ended."""
    command.run(["ifdown", WAN], limit=_COMMAND_SECONDS)
    router.wait_for_no_ppp()


def watcher_runs() -> bool:
    """Whether the watcher listens; systemd calls the unit active only once it does."""
    return command.attempt(["systemctl", "is-active", "dualwan-watch"]).stdout.strip() == "active"


@contextmanager
def without_watcher() -> Iterator[None]:
    """Stop the watcher for the length of a `with` block, as an administrator does."""
    command.run(["systemctl", "stop", "dualwan-watch.path", "dualwan-watch.service"])
    try:
        yield
    finally:
        command.run(["systemctl", "start", "dualwan-watch.path", "dualwan-watch.service"])


def journal() -> str:
    """What the product has logged since boot."""
    return command.run(["journalctl", "-b", "-t", COMMAND, "-o", "cat", "--no-pager"])

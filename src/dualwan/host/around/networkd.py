"""The settings of systemd-networkd about routes and rules that it did not make."""

from __future__ import annotations

from pathlib import Path

from dualwan import files
from dualwan.host.managers import NETWORKD, is_unit

SETTINGS = ("ManageForeignRoutes", "ManageForeignRoutingPolicyRules")
FOLDERS = ("etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd")
FALSE = ("0", "no", "n", "false", "f", "off")


def foreign(root: Path = Path("/")) -> tuple[str, ...]:
    """Return which of ``SETTINGS`` are on in a running networkd, each with its FILE:LINE.

    A setting in no file is on by default, and has no place. ``root`` is another root folder for
    tests.
    """
    if not is_unit(NETWORKD, root) or not (root / "run/systemd/netif").is_dir():
        return ()
    found = dict.fromkeys(SETTINGS, ("yes", ""))
    for path in _files(root):
        for number, line in enumerate(_text(path).splitlines(), 1):
            key, _, value = (part.strip() for part in line.partition("="))
            if key in found:
                found[key] = (value.lower(), f" (/{path.relative_to(root)}:{number})")
    return tuple(f"{key}{where}" for key, (value, where) in found.items() if value not in FALSE)


def _files(root: Path) -> list[Path]:
    """Return the files, later ones with precedence (networkd.conf(5))."""
    main = [root / folder / "networkd.conf" for folder in FOLDERS]
    found: dict[str, Path] = {}
    for folder in reversed(FOLDERS):
        found |= {path.name: path for path in (root / folder / "networkd.conf.d").glob("*.conf")}
    first = [path for path in main if path.exists()][:1]
    return [*first, *(found[name] for name in sorted(found))]


def _text(path: Path) -> str:
    try:
        return files.read_foreign(path)
    except OSError:
        return ""

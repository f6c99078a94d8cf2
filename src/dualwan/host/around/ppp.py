"""pppd's files, and what starts pppd besides this program."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

from dualwan import files
from dualwan.host.around import interfaces
from dualwan.model.ppp_files import PppFiles
from dualwan.paths import PPP_DIR
from dualwan.ppp import starters as found_in
from dualwan.ppp.options import PeerOptions, read_peer
from dualwan.ppp.starters import Starter
from dualwan.ppp.words import split

ROOT = Path("/")
MAX_ENTRIES = 500  # of one folder
# Later folders are shadowed by earlier ones (systemd.unit(5)).
UNITS = ("/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system")
SCRIPTS = ("/etc/rc.local", "/etc/ppp/ppp_on_boot", "/etc/crontab")
SCRIPT_FOLDERS = ("/etc/network/if-pre-up.d", "/etc/network/if-up.d", "/etc/cron.d")
SECRETS = ("chap-secrets", "pap-secrets")


def look(peer: str, root: Path = ROOT) -> PppFiles:
    """Return the files of ``peer``; those that cannot be read are left out."""
    return PppFiles(
        peer=read_options(peer, root) if _is_readable(root, f"{PPP_DIR}/peers") else None,
        starters=starters(peer, root),
        clients=_clients(root),
    )


def peers(root: Path = ROOT) -> list[str]:
    """Return the names of the peers' files; none if the folder cannot be read."""
    return _names(root, f"{PPP_DIR}/peers")


def read_options(peer: str, root: Path = ROOT) -> PeerOptions:
    """Return the options that pppd reads for ``peer``."""
    return read_peer(peer, lambda path: _text(root, path), _interfaces())


def starters(peer: str, root: Path = ROOT) -> tuple[Starter, ...]:
    """Return what else on the machine starts ``peer``: stanzas, services, scripts."""
    return (
        *found_in.in_interfaces(interfaces.lines(root), peer),
        *(one for path in _scripts(root) for one in found_in.in_script(*_read(root, path), peer)),
        *_services(root, peer),
    )


def _text(root: Path, path: str) -> str:
    """Return the beginning of a regular file; raises OSError."""
    return files.read_foreign(f"{root}/{path}")


def _read(root: Path, path: str) -> tuple[str, str]:
    """Return ``path`` and its text, which is empty if it cannot be read."""
    try:
        return path, _text(root, path)
    except OSError:
        return path, ""


def _names(root: Path, folder: str) -> list[str]:
    try:
        return sorted(os.listdir(root / folder.lstrip("/")))[:MAX_ENTRIES]  # noqa: PTH208 - names
    except OSError:
        return []


def _is_readable(root: Path, folder: str) -> bool:
    return os.access(root / folder.lstrip("/"), os.R_OK | os.X_OK)


def _interfaces() -> Iterable[str]:
    try:
        return [name for _, name in socket.if_nameindex()]
    except OSError:
        return []


def _scripts(root: Path) -> Iterator[str]:
    yield from (path for path in SCRIPTS if not path.startswith("/etc/rc") or _runs(root, path))
    for folder in SCRIPT_FOLDERS:
        yield from (f"{folder}/{name}" for name in _names(root, folder))


def _runs(root: Path, path: str) -> bool:
    return os.access(root / path.lstrip("/"), os.X_OK)


def _services(root: Path, peer: str) -> Iterator[Starter]:
    """Yield the lines of enabled systemd services that start ``peer``."""
    for unit, names in _enabled(root).items():
        for folder in UNITS:
            path, text = _read(root, f"{folder}/{unit}")
            if text:
                yield from found_in.in_unit(path, text, peer, sorted(names))
                break


def _enabled(root: Path) -> dict[str, set[str]]:
    """Return the enabled services by unit file: of a template, the names of its instances."""
    enabled: dict[str, set[str]] = {}
    for folder in UNITS:
        for wants in _names(root, folder):
            if not wants.endswith((".wants", ".requires")):
                continue
            for name in _names(root, f"{folder}/{wants}"):
                if name.endswith(".service"):
                    stem, at, _ = name.partition("@")
                    enabled.setdefault(f"{stem}@.service" if at else name, set()).add(name)
    return enabled


def _clients(root: Path) -> tuple[str, ...] | None:
    """Return the names that have a secret; None if the files cannot be read. No secret is kept."""
    names: list[str] = []
    for file in SECRETS:
        try:
            text = _text(root, f"{PPP_DIR}/{file}")
        except FileNotFoundError:
            continue
        except OSError:
            return None
        lines = (next(split(line), None) for line in text.splitlines())
        names += [word.text for word in lines if word]
    return tuple(names)

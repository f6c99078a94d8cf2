"""What `dualwan-hook init` reads of the machine. Nothing is changed, nothing is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dualwan import files
from dualwan.errors import HostError, UsageError
from dualwan.host import managers, program, xtables
from dualwan.host.around import interfaces, nics, ppp
from dualwan.interfaces_file import INTERFACES
from dualwan.model.setup import SetupMachine, SourceFile
from dualwan.words import listed, say

# Where people keep such scripts, beside what interfaces(5) runs.
FOLDERS = (
    "/root/etc",
    "/root/bin",
    "/root",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/local/etc",
    "/etc/network",
    "/etc/network/if-up.d",
    "/etc/ppp/ip-up.d",
    "/etc",
    "/opt",
)
NAMES = ("mape.sh", "map-e.sh", "pppoe.sh", "mape", "pppoe")
UNSEEN = say("rules of iptables, peers of pppd, and scripts that only root can read")
_NOT_PEERS = ("provider",)  # the template of Debian's package ppp
_IFUPDOWN2 = "/etc/network/ifupdown2"
_SAVING = ("iptables-save", "ip6tables-save")
_SCRIPT = re.compile(r"(?<![^\s;&|(\"'=])/[^\s;&|)\"']+")


def look(from_files: Sequence[str] = (), root: Path = Path("/")) -> SetupMachine:
    """Return the machine; ``from_files``: the scripts to read instead of those in usual places.

    ``root`` is another root folder for tests. Raises UsageError for a file that cannot be read,
    KernelError.
    """
    peers = [
        name
        for name in ppp.peers(root)
        if name not in _NOT_PEERS and not name.endswith(("~", ".bak", ".dpkg-old", ".dpkg-dist"))
    ]
    unseen = [] if os.geteuid() == 0 else [UNSEEN]
    peers_seen = not unseen
    scripts = tuple(_given(from_files) if from_files else _scripts(root, unseen))
    stanzas = tuple(_interfaces(root, unseen))
    nic_of = {name: ppp.read_options(name, root).nics for name in peers}
    return SetupMachine(
        nics=nics.look(lambda device: managers.manager_of(device, root)),
        scripts=scripts,
        rules=tuple(_rules()),
        interfaces=stanzas,
        peers=tuple(peers),
        peer_nics=tuple((name, found[-1].value) for name, found in nic_of.items() if found),
        peers_seen=peers_seen,
        unseen=listed("; ", unseen),
        ifupdown2=(root / _IFUPDOWN2.lstrip("/")).is_dir(),
    )


def _given(paths: Iterable[str]) -> Iterator[SourceFile]:
    for path in paths:
        try:
            yield SourceFile(os.path.abspath(path), files.read_foreign(path))  # noqa: PTH100 - a link stays
        except OSError as error:
            raise UsageError(
                say("--from {path}: cannot be read: {reason}", path=path, reason=error.strerror)
            ) from None


def _scripts(root: Path, unseen: list[str]) -> Iterator[SourceFile]:
    """Yield each script that interfaces(5) runs, and each of the usual names in usual places.

    A script that others than root may change is not read, because its rules would decide what is
    open; it is added to ``unseen``.
    """
    named = [
        path
        for line in interfaces.lines(root)
        if line.words[0] not in interfaces.NAMING
        for path in _SCRIPT.findall(line.text)
        if path.rsplit("/", 1)[-1] in NAMES
    ]
    usual = [f"{folder}/{name}" for folder in FOLDERS for name in NAMES]
    seen: set[Path] = set()
    for path in dict.fromkeys([*named, *usual]):
        try:
            real = (root / path.lstrip("/")).resolve(strict=True)
            if real not in seen and real.is_file():
                seen.add(real)
                files.check_trusted(real, real.stat())
                yield SourceFile(path, files.read_foreign(real))
        except files.UntrustedError:
            unseen.append(
                say("{path}, which others than root may change (--from reads it)", path=path)
            )
        except (OSError, RuntimeError):  # not there, or a loop of links
            continue


def _rules() -> Iterator[SourceFile]:
    """Yield the output of iptables-save and the like; nothing without them, or without root."""
    legacy = {title.split()[0] for title in xtables.tables()}
    for name in (*_SAVING, *(f"{title}-save" for title in sorted(legacy))):
        try:
            code, printed, _ = program.output([name])
        except HostError:  # not installed
            continue
        if code == 0 and printed:
            yield SourceFile(name, printed)


def _interfaces(root: Path, unseen: list[str]) -> Iterator[SourceFile]:
    """Yield each file of interfaces(5) that has a line, the main one first.

    A file that is not UTF-8 is added to ``unseen``: an edit could not write it back unchanged.
    """
    for path in dict.fromkeys([INTERFACES, *(line.path for line in interfaces.lines(root))]):
        try:
            data = files.read_bytes(root / path.lstrip("/"), files.MAX_FOREIGN)
            yield SourceFile(path, data.decode("utf-8"))
        except UnicodeDecodeError:
            unseen.append(
                say("{path}, which is not UTF-8 text and has to be changed by hand", path=path)
            )
        except OSError:
            continue

"""`dualwan-hook init --your-lan`: files that give the LAN its IPv6, addresses and names."""

from __future__ import annotations

import re
import shutil
from ipaddress import IPv4Interface
from pathlib import Path
from typing import TYPE_CHECKING

from dualwan import files
from dualwan.commands import common
from dualwan.errors import HostError, UsageError
from dualwan.words import listed, say

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence

    from dualwan.config import Config
    from dualwan.model.surroundings import OwnAddress
    from dualwan.setup.dialogue import Talk
    from dualwan.setup.lan_files import Machine, Written

_PROGRAMS = "/usr/sbin:/sbin:/usr/bin:/bin"
_UNITS = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
_MADE = re.compile(r"^DEVTYPE=(?:bridge|bond|vlan)$", re.MULTILINE)
# Options of a first configuration; this command takes the one that is there.
_OTHERS = ("wan", "lan", "provider", "peer", "sources", "edit_interfaces")


def agreed(
    arguments: Namespace, talk: Talk, *, asking: bool, root: Path = Path("/")
) -> Callable[[], None] | None:
    """Return what writes the files that were shown, of the sets that are asked for.

    None for a dry run, or if the person does not agree. ``root``: another root folder for tests.
    Raises UsageError, ConfigError, HostError, EOFError.
    """
    from dualwan.host import managers
    from dualwan.host.around import addresses
    from dualwan.setup import dialogue, lan_files, shown
    from dualwan.setup.stanza import MANAGERS

    names: list[str] = arguments.your_lan
    _check_alone(arguments)
    lan_files.check(names)
    config = common.config(arguments)
    _check_own_names(config)
    own = addresses.look()
    wanted = list(_wanted(names, config, own, root))
    talk.say()
    for one in wanted:
        talk.say(say("{path}: {state}", path=one.path, state=_state(one)))
    if remarks := list(lan_files.remarks(names, config, _machine(config, own, root))):
        talk.say(say("Look at:"))
        for line in shown.sentences(remarks):
            talk.say(line)
    if arguments.dry_run:
        talk.say(say("This was a dry run: nothing is written."))
        return None
    _check_installed(lan_files.programs(names), root)
    copies = Path(config.path).absolute().parent
    _check_replaced(wanted, copies, root, force=arguments.force)
    new = [one for one in wanted if one.before != one.text]
    if new and asking:
        question = say("Write {files}?", files=listed(" and ", [one.path for one in new]))
        if not dialogue.agreed(talk, question):
            talk.say(say("Nothing is written."))
            return None

    def write() -> None:
        _write(new, copies, talk, root)
        talk.say()
        talk.say(say("Next:"))
        by_ifup = managers.manager_of(config.wan.interface, root) not in MANAGERS
        for command in lan_files.steps(names, config, by_ifup=by_ifup):
            talk.say(f"  {command}")

    return write


def _check_alone(arguments: Namespace) -> None:
    """Raise UsageError for an option that does not go with --your-lan."""
    for name in _OTHERS:
        if getattr(arguments, name):
            option = {"sources": "from"}.get(name, name.replace("_", "-"))
            raise UsageError(
                say(
                    "--your-lan goes by the configuration that is there, and not with --{option}",
                    option=option,
                )
            )


def _check_own_names(config: Config) -> None:
    """Raise UsageError for another name of a device: dnsmasq and sysctls know none."""
    from dualwan.findings import other_names as findings
    from dualwan.host.around import other_names
    from dualwan.model.surroundings import Surroundings
    from dualwan.setup import lan_files

    found = other_names.look((config.wan.interface, lan_files.device(config)))
    for one in findings.named_so(config, Surroundings(other_names=found)):
        raise UsageError(one.text)


def _wanted(
    names: Sequence[str], config: Config, own: Sequence[OwnAddress], root: Path
) -> Iterator[Written]:
    from dualwan.config import hooks_dir
    from dualwan.setup import lan_files

    lan = lan_files.device(config)
    address = next(
        (
            one.interface
            for one in own
            if one.device == lan and isinstance(one.interface, IPv4Interface)
        ),
        None,
    )
    for target, text in lan_files.texts(names, config, address):
        path = target.path.replace(lan_files.HOOKS, hooks_dir())
        yield lan_files.Written(path, text, target.mode, _before(_below(root, path)))


def _machine(config: Config, own: Sequence[OwnAddress], root: Path) -> Machine:
    from dualwan.host.around import interfaces
    from dualwan.setup import lan_files

    wan, lan = config.wan.interface, lan_files.device(config)
    return lan_files.Machine(
        interfaces.lines(root),
        any(one.device == wan and one.is_global_ipv6 for one in own),
        [name for name in (wan, lan) if _is_made(root / "sys/class/net" / name / "uevent")],
    )


def _is_made(uevent: Path) -> bool:
    """Whether a program has made the device, by the kernel's file about it."""
    try:
        return bool(_MADE.search(files.read_foreign(uevent)))
    except OSError:
        return False


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _before(path: Path) -> str | None:
    try:
        return files.read_foreign(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return None  # a link that leads nowhere is somebody's, and no text
        raise HostError(
            say("{path}: cannot be read: {reason}", path=path, reason=error.strerror)
        ) from None


def _state(one: Written) -> str:
    if one.before is None:
        return say("new")
    return say("another one is there") if one.differs else say("is there already")


def _check_installed(programs: Sequence[str], root: Path) -> None:
    """Raise UsageError if one is missing: apt asks about each of its files that is there before."""
    missing = [one for one in programs if not _is_installed(one, root)]
    if missing:
        raise UsageError(
            say(
                "not installed: {missing}; run `apt install {programs}` before, because apt "
                "asks about files of a package that are there already",
                missing=listed(", ", missing),
                programs=" ".join(programs),
            )
        )


def _is_installed(package: str, root: Path) -> bool:
    from dualwan.setup.lan_files import SERVICES

    if package in SERVICES:
        return any((root / folder / f"{package}.service").is_file() for folder in _UNITS)
    return shutil.which(package, path=_PROGRAMS) is not None


def _check_replaced(wanted: Sequence[Written], copies: Path, root: Path, *, force: bool) -> None:
    """Raise UsageError for what is not replaced: a link may lead to a file of a package."""
    links = [one.path for one in wanted if one.differs and _below(root, one.path).is_symlink()]
    if links:
        raise UsageError(
            say(
                "there already, as a link to another text: {files}; remove the link before",
                files=listed(", ", links),
            )
        )
    other = [one.path for one in wanted if one.differs]
    if other and not force:
        raise UsageError(
            say(
                "there already, with another text: {files}; --force replaces that, and keeps a "
                "copy in {folder}",
                files=listed(", ", other),
                folder=copies,
            )
        )


def _write(new: Sequence[Written], copies: Path, talk: Talk, root: Path) -> None:
    """Write what was shown; raises HostError, UsageError."""
    from dualwan.host import new_file

    done = []
    try:
        for one in new:
            path = _below(root, one.path)
            if one.differs:
                copy = new_file.replace(path, one.text, copies)
                path.chmod(one.mode)
                done.append(
                    say(
                        "{path}: written; {copy} is a copy of what was there",
                        path=one.path,
                        copy=copy,
                    )
                )
            else:
                new_file.create(path, one.text, one.mode)
                done.append(say("{path}: written", path=one.path))
    finally:
        for line in done:
            talk.say(line)

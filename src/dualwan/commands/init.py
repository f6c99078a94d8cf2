"""The command init: a first configuration, from the machine, the old scripts and a person."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dualwan import output
from dualwan.catalogue import shown
from dualwan.commands import common
from dualwan.errors import ConfigError, UsageError, legible
from dualwan.words import listed, say

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable

    from dualwan.setup.dialogue import Given
    from dualwan.setup.proposal import Proposal


class Terminal:
    """The person at standard input and output."""

    def say(self, line: str = "") -> None:
        """Show ``line`` without control characters: a file may hold escape sequences."""
        output.show(legible(shown(line).expandtabs()))

    def ask(self, question: str) -> str:
        """Return the answer to ``question``; raises EOFError if the input has ended."""
        return input(shown(question))


def init(arguments: Namespace) -> int:
    """Write a configuration, or files for the LAN, after all of it was shown."""
    terminal = Terminal()
    asking = _is_terminal() and not arguments.yes
    try:
        if arguments.your_lan:
            from dualwan.commands import lan_files

            write = lan_files.agreed(arguments, terminal, asking=asking)
        else:
            write = _configuration(arguments, terminal, asking=asking)
    except EOFError:
        terminal.say()
        raise UsageError(
            say("the input ended before the last answer; nothing is written")
        ) from None
    except KeyboardInterrupt:
        terminal.say()
        common.complain(say("interrupted; nothing is written"))
        raise
    if write:
        write()
    return 0


def _configuration(
    arguments: Namespace, terminal: Terminal, *, asking: bool
) -> Callable[[], None] | None:
    """Return what writes a configuration that was shown; None if nothing is to be written."""
    from dualwan.config import path_in_use
    from dualwan.host import new_file

    path = path_in_use(arguments.config)
    dry_run = bool(arguments.dry_run)
    if not dry_run:
        new_file.check(path, force=arguments.force)
    proposal = _proposal(arguments, path, terminal, asking=asking)
    if dry_run:
        terminal.say(say("This was a dry run: nothing is written."))
        return None
    if asking and not _agreed(terminal, proposal, path):
        terminal.say(say("Nothing is written."))
        return None
    return partial(_write, arguments, proposal, path, terminal)


def _is_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def _proposal(arguments: Namespace, path: Path, terminal: Terminal, *, asking: bool) -> Proposal:
    """Return the proposal of what to write, after showing it."""
    from dualwan import inspection
    from dualwan.config import from_text
    from dualwan.host.around import setup as around
    from dualwan.mape.table import load_table
    from dualwan.setup import dialogue, proposal, reading, template

    machine = around.look(arguments.sources or ())
    for one in machine.scripts if arguments.sources else ():
        if not reading.is_readable(one):
            raise UsageError(
                say(
                    "--from {path}: is neither a script that makes a tunnel or dials "
                    "PPPoE, nor what iptables-save prints",
                    path=one.path,
                )
            )
    found = reading.read(machine)
    known = dialogue.Known(machine, found, load_table())
    given = dialogue.checked(_given(arguments), known)
    _say(terminal, proposal.seen(machine, found, everything=arguments.verbose))
    answers = dialogue.answers(known, given, terminal, asking=asking)
    text = template.filled(template.packaged(), answers.settings(found), found.wish.forwards)
    try:
        config = from_text(str(path), text)
        warnings = [one.text for one in inspection.findings_in_files(config)]
    except ConfigError as error:
        raise ConfigError(
            say("{error}; answer otherwise, or write the file by hand", error=error)
        ) from None
    made = proposal.propose(machine, found, answers, config, edit=arguments.edit_interfaces)
    _say(terminal, proposal.summary(made, warnings, everything=arguments.verbose))
    return made


def _given(arguments: Namespace) -> Given:
    from dualwan.setup.dialogue import Given

    lan = [name for text in arguments.lan or () for name in text.replace(",", " ").split()]
    return Given(arguments.wan, tuple(lan), arguments.provider, arguments.peer)


def _agreed(terminal: Terminal, made: Proposal, path: Path) -> bool:
    from dualwan.setup import dialogue

    files = [str(path), *(edit.path for edit in made.edits)]
    return dialogue.agreed(terminal, say("Write {files}?", files=listed(" and ", files)))


def _write(arguments: Namespace, made: Proposal, path: Path, terminal: Terminal) -> None:
    """Write what was shown; raises HostError, UsageError."""
    from dualwan.host import new_file
    from dualwan.interfaces_file import INTERFACES
    from dualwan.setup import proposal

    text = made.config.text
    done = []
    try:
        if arguments.force and new_file.is_there(path):
            done.append(say("{copy}: a copy of what was there", copy=new_file.replace(path, text)))
        else:
            new_file.create(path, text)
        done.append(say("{path}: written", path=path))
        for edit in made.edits:
            copy = new_file.replace(Path(edit.path), edit.after, Path(INTERFACES).parent)
            done.append(
                say(
                    "{path}: written; {copy} is a copy of what was there",
                    path=edit.path,
                    copy=copy,
                )
            )
    finally:  # not between two files: an error of the output would leave the next one unwritten
        _say(terminal, done)
    _say(terminal, proposal.next_steps(made))


def _say(terminal: Terminal, lines: Iterable[str]) -> None:
    for line in lines:
        terminal.say(line)

"""What `dualwan-hook init` will write, and the description of it for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dualwan.config import Config
from dualwan.model.setup import SetupMachine, SourceFile
from dualwan.setup import nics, script, shown, stanza, template
from dualwan.setup.dialogue import Answers
from dualwan.setup.reading import Reading
from dualwan.setup.saved import is_saved
from dualwan.setup.stanza import Edit
from dualwan.words import say


@dataclass(frozen=True)
class Proposal:
    """The proposal. config: with its text. edits: of interfaces(5), if asked for.

    stanza: the stanza of the WAN, if a person has to write it. to_edit: the changes that
    --edit-interfaces would make. says: remarks for the person. stops: the steps that stop the
    scripts that were read. by_ifup: whether ifup brings the WAN up.
    """

    config: Config
    answers: Answers
    edits: tuple[Edit, ...] = ()
    to_edit: tuple[Edit, ...] = ()
    stanza: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    usual: tuple[str, ...] = field(default=(), repr=False)
    stops: tuple[str, ...] = ()
    by_ifup: bool = True


def seen(machine: SetupMachine, reading: Reading, *, everything: bool = False) -> Iterator[str]:
    """Yield what was found on the machine, and the outcomes of the old scripts' commands."""
    yield say("Interfaces:")
    yield from nics.table(machine.nics) or [say("  none")]
    yield ""
    read = [one.path for one in (*machine.scripts, *machine.rules, *machine.interfaces)]
    read += [f"/etc/ppp/peers/{name}" for name in machine.peers]
    yield say("Read:")
    yield from ("  " + path for path in read or [say("nothing")])
    if machine.unseen:
        yield say("Not seen: {unseen}.", unseen=machine.unseen)
    yield ""
    yield from shown.account(reading, everything=everything)
    if machine.scripts:
        yield say("Beside that:")
        yield from shown.sentences(shown.BESIDES)
        yield ""


def propose(
    machine: SetupMachine,
    reading: Reading,
    answers: Answers,
    config: Config,
    *,
    edit: bool = False,
) -> Proposal:
    """Return what to write; ``edit``: whether interfaces(5) is edited too."""
    nic = machine.nic(answers.wan)
    manager = nic.manager if nic else ""
    by_ifup = manager not in stanza.MANAGERS
    scripts = [one for one in machine.scripts if not is_saved(one.text)]
    changes = stanza.edits(
        machine.interfaces,
        answers.wan,
        stanza.Old(answers.peer, tuple(one.path for one in scripts)),
        ifupdown2=machine.ifupdown2,
        add=by_ifup and edit,
    )
    after = {one.path: one.after for one in changes}
    left = [SourceFile(one.path, after.get(one.path, one.text)) for one in machine.interfaces]
    there = stanza.has_stanza(left, answers.wan)
    return Proposal(
        config,
        answers,
        changes if edit else (),
        () if edit else changes,
        tuple(stanza.by_hand(answers.wan, answers.lan, manager, machine.ifupdown2, there=there)),
        (
            *answers.says,
            *reading.wrong,
            *reading.wish.refused,
            *(stanza.odd(machine.interfaces, answers.wan) if by_ifup else ()),
        ),
        reading.wish.usual,
        tuple(map(_stop, reversed(scripts))),
        by_ifup,
    )


def _stop(one: SourceFile) -> str:
    """Return the step that stops a script."""
    if command := script.stopping(one):
        return f"  {command}"
    return say("  (stop {path}, or undo by hand what it has done)", path=one.path)


def summary(made: Proposal, warnings: Sequence[str], *, everything: bool = False) -> Iterator[str]:
    """Yield all that would be written; ``everything``: with each comment of the file."""
    text = made.config.text
    yield ""
    yield say("{path}, with the comments of the example:", path=made.config.path)
    yield from (f"  {line}" for line in (text.splitlines() if everything else template.shown(text)))
    if made.usual:
        yield say("As by default, and so not written:")
        yield from shown.sentences(made.usual)
    yield from shown.opened(made.config)
    for edit in made.edits:
        yield f"{edit.path}:"
        yield from shown.difference(edit)
    if made.to_edit:
        yield say("To be changed by hand, or with --edit-interfaces:")
        for edit in made.to_edit:
            yield from shown.difference(edit)
    yield from made.stanza
    if made.says or warnings:
        yield say("Look at:")
        yield from shown.sentences([*made.says, *warnings])
    yield ""


def next_steps(made: Proposal) -> Iterator[str]:
    """Yield the steps that are left to the person."""
    wan = made.answers.wan
    yield ""
    yield say("Next:")
    yield from made.stops
    if made.to_edit or made.stanza:
        yield say("  (change what is named above)")
    yield "  dualwan-hook check"
    yield "  dualwan-hook --dry-run"
    yield f"  ifdown {wan}; ifup {wan}" if made.by_ifup else "  dualwan-hook"
    yield say("`dualwan-hook init --your-lan` writes files for IPv6, DHCP and DNS in the LAN; they")
    yield say("are described in /usr/share/doc/dualwan-hook/docs/your-lan/README.md.")

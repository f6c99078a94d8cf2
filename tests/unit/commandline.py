"""The command line as argparse knows it, for what describes it elsewhere."""

import argparse

from dualwan import cli


def parsers():
    """The command line's parsers by command; "" is the main one."""
    main = cli._parser()  # noqa: SLF001 - the program's own description of its options
    found = {"": main}
    for action in main._actions:  # noqa: SLF001 - argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - nor to tell them apart
            found.update(action.choices)
    return found


def options(*commands):
    """Every option of ``commands``, or of all, as it is typed."""
    known = parsers()
    return {
        word
        for name in commands or known
        for action in known[name]._actions  # noqa: SLF001 - see above
        for word in action.option_strings
    }


def choices(command, destination):
    """The words that the option or argument ``destination`` of ``command`` takes."""
    return {
        word
        for action in parsers()[command]._actions  # noqa: SLF001 - see above
        if action.dest == destination
        for word in action.choices
    }

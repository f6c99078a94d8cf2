"""The dialogues of tests/golden/init: a machine, a person's answers, and all that is shown."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from dualwan.model.setup import Nic, SetupMachine, SourceFile

TESTS = Path(__file__).resolve().parents[1]
CASES = TESTS / "golden" / "init"
SCRIPTS = TESTS / "data" / "scripts"
EXAMPLE = (TESTS.parent / "etc/dualwan.toml").read_text()
WHERE = "/etc/dualwan/dualwan.toml"
KEYS = {
    "about",
    "options",
    "answers",
    "nic",
    "scripts",
    "values",
    "replaced",
    "rules",
    "interfaces",
    "peers",
    "peer-nics",
    "ifupdown2",
    "unseen",
}
PATHS = {"mape.sh": "/root/etc/mape.sh", "pppoe.sh": "/root/etc/pppoe.sh"}


@dataclass(frozen=True)
class Case:
    """A folder of tests/golden/init."""

    folder: Path
    data: dict = field(hash=False)

    @property
    def name(self):
        """How pytest calls it."""
        return self.folder.name

    @property
    def machine(self):
        """What is found on the machine."""
        data = self.data
        return SetupMachine(
            nics=tuple(
                Nic(**{key: _frozen(value) for key, value in one.items()})
                for one in data.get("nic", ())
            ),
            scripts=tuple(
                SourceFile(
                    PATHS[name], script(name, data.get("values", {}), data.get("replaced", {}))
                )
                for name in data.get("scripts", ())
            ),
            rules=tuple(SourceFile(name, text) for name, text in data.get("rules", {}).items()),
            interfaces=tuple(
                SourceFile(path, text) for path, text in data.get("interfaces", {}).items()
            ),
            peers=tuple(data.get("peers", ())),
            peer_nics=tuple(data.get("peer-nics", {}).items()),
            ifupdown2=data.get("ifupdown2", False),
            unseen=data.get("unseen", ""),
        )


def _frozen(value):
    return tuple(value) if isinstance(value, list) else value


def script(name, values=(), replaced=()):
    """Return a script of tests/data/scripts with ``values`` of variables, and texts replaced."""
    text = (SCRIPTS / name).read_text()
    for variable, value in dict(values).items():
        text = re.sub(rf"(?m)^{variable}=.*$", f"{variable}='{value}'", text)
    for old, new in dict(replaced).items():
        text = text.replace(old, new)
    return text


def cases():
    """Return every case."""
    found = [
        Case(path.parent, tomllib.loads(path.read_text()))
        for path in sorted(CASES.glob("*/case.toml"))
    ]
    assert all(set(one.data) <= KEYS for one in found)
    return found


class Person:
    """Answers as the case says, and keeps all that was shown; the end of the answers is EOF."""

    def __init__(self, answers):
        self.answers, self.shown = list(answers), []

    def say(self, line=""):
        """Keep ``line``."""
        self.shown.append(line)

    def ask(self, question):
        """Return the next answer, an Exception of which is raised."""
        if not self.answers:
            self.shown.append(question)
            raise EOFError
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        self.shown.append(f"{question}{answer}".rstrip())
        return answer

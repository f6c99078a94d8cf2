"""nft tables as values: blocks of statements, rendered as text for nft. Pure.

Statements are text in nft's language. Facts about a block that the program needs (kind, hook,
whether packets fill it) are fields, and are never parsed from the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dualwan.frozen import dataclass

CHAIN = "chain"
Index = Callable[[str], int | str | None]


@dataclass(frozen=True)
class DeviceShortcut:
    """A rule on the output device, compared by index, which is cheaper than by name.

    nft refuses the name of a missing device. So the rule is omitted while the device is missing,
    and must only anticipate the verdict of later rules. For a device that was removed after the
    load, nft lists the index.
    """

    device: str
    verdict: str

    def render(self, index: Index) -> str | None:
        """Return the rule with the device's ``index``, None if there is no such device."""
        device = index(self.device)
        return None if device is None else f"oif {device} {self.verdict}"


Statement = str | DeviceShortcut


def by_name(device: str) -> str:
    """Return the quoted name of ``device``, an ``Index`` for the user."""
    return f'"{device}"'


@dataclass(frozen=True)
class Block:
    """A chain, set, map, counter or ct timeout of a table.

    lines: the rules of a chain, or the properties of another block. hook: of a base chain,
    with priority and policy. dynamic: packets add elements. comment: shown by `nft list`.
    """

    kind: str
    name: str
    lines: tuple[Statement, ...] = ()
    hook: str = ""
    dynamic: bool = False
    comment: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Identity within a table: kind and name."""
        return (self.kind, self.name)

    def source(self, index: Index = by_name) -> str:
        """Return the block as nft text, with nft's indentation."""
        comment = [f'comment "{self.comment}"'] if self.comment else []
        rules = [line if isinstance(line, str) else line.render(index) for line in self.lines]
        head = [*comment, *([self.hook] if self.hook else [])]
        terms = [line for line in rules if line is not None]
        inner = [*head, *terms] if self.kind == CHAIN else [*terms, *comment]
        return "\n".join(
            [f"\t{self.kind} {self.name} {{", *("\t\t" + line for line in inner), "\t}"]
        )


@dataclass(frozen=True)
class NftTable:
    """An nft table of ours. intact: False if another program changed it."""

    family: str
    name: str
    blocks: tuple[Block, ...] = ()
    intact: bool = True

    @property
    def key(self) -> tuple[str, ...]:
        """Identity: family and name."""
        return ("table", self.family, self.name)

    @property
    def text(self) -> str:
        """The table as nft names it."""
        return f"nft table {self.family} {self.name}"

    @property
    def dynamic(self) -> bool:
        """Whether packets add elements to any of its sets or maps."""
        return any(block.dynamic for block in self.blocks)

    def source(self, index: Index = by_name) -> str:
        """Return the table as nft text, with ``index`` for the devices of DeviceShortcut."""
        body = "\n".join(block.source(index) for block in self.blocks)
        return f"table {self.family} {self.name} {{\n{body}\n}}\n"


def chain(name: str, *rules: Statement, comment: str = "") -> Block:
    """Return a regular chain, the target of jump and goto."""
    return Block(CHAIN, name, rules, comment=comment)


def base_chain(name: str, hook: str, *rules: Statement, comment: str = "") -> Block:
    """Return a base chain; ``hook``: its hook, priority and policy, in nft's words."""
    return Block(CHAIN, name, rules, hook, comment=comment)


def counter(name: str) -> Block:
    """Return a named counter."""
    return Block("counter", name)


def dynamic(  # noqa: PLR0913, PLR0917 - the parts of its block
    kind: str,
    name: str,
    type_: str,
    size: int,
    timeout: str = "",
    comment: str = "",
) -> Block:
    """Return a set or map that packets fill; ``type_``: the line with its type, for nft."""
    return Block(
        kind,
        name,
        (
            type_,
            f"size {size}",
            *(["flags dynamic,timeout", f"timeout {timeout}"] if timeout else ["flags dynamic"]),
        ),
        dynamic=True,
        comment=comment,
    )


def commented(rule: str, comment: str) -> str:
    """Return ``rule`` with a comment for `nft list`, of 128 bytes at most."""
    return f'{rule} comment "{comment}"'


def quoted(names: Iterable[str]) -> str:
    """Return an anonymous set of interface names; they hold no quote (config.values)."""
    return elements(f'"{name}"' for name in names)


def elements(items: Iterable[str]) -> str:
    """Return an anonymous set or map."""
    return "{ " + ", ".join(items) + " }"

"""nft tables as values: blocks of statements, rendered as text where they meet nft. Pure.

Statements are nft's own language. What the program has to know of a table (what kind a block
is, where a chain is hooked in, whether packets fill a set) is a field of it and is never read
out of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

CHAIN = "chain"
Index = Callable[[str], int | str | None]


@dataclass(frozen=True)
class DeviceShortcut:
    """A rule on the output device, compared by index: cheaper than by name.

    nft loads no device that is not there, and lists the index of one that is gone. So such a
    rule only decides early what later rules decide as well, and is left out while there is no
    such device.
    """

    device: str
    verdict: str

    def render(self, index: Index) -> str | None:
        """Return the rule with what ``index`` says of the device, None where it knows none."""
        device = index(self.device)
        return None if device is None else f"oif {device} {self.verdict}"


Statement = str | DeviceShortcut


def by_name(device: str) -> str:
    """Return the device as a person reads it, in the place of its index."""
    return f'"{device}"'


@dataclass(frozen=True)
class Block:
    """A chain, set, map, counter or ct timeout of a table.

    lines: the rules of a chain, the terms of the rest. hook: where a base chain is hooked in,
    with its policy. dynamic: packets fill it. comment: what a person is told by nft.
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
    """A nft table of ours; ``intact`` is False when somebody else changed it."""

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
        """As nft names it."""
        return f"nft table {self.family} {self.name}"

    @property
    def dynamic(self) -> bool:
        """Whether packets fill any of its sets."""
        return any(block.dynamic for block in self.blocks)

    def source(self, index: Index = by_name) -> str:
        """Return the table as nft text, with ``index`` for devices that are compared by it."""
        body = "\n".join(block.source(index) for block in self.blocks)
        return f"table {self.family} {self.name} {{\n{body}\n}}\n"


def chain(name: str, *rules: Statement, comment: str = "") -> Block:
    """Return a chain that rules lead to."""
    return Block(CHAIN, name, rules, comment=comment)


def base_chain(name: str, hook: str, *rules: Statement, comment: str = "") -> Block:
    """Return a chain that netfilter leads to; ``hook`` says where, and its policy."""
    return Block(CHAIN, name, rules, hook, comment=comment)


def counter(name: str) -> Block:
    """Return a named counter."""
    return Block("counter", name)


def dynamic(  # noqa: PLR0913, PLR0917
    kind: str,
    name: str,
    holds: str,
    size: int,
    timeout: str = "",
    comment: str = "",
) -> Block:
    """Return a set or map that packets fill; ``holds`` is its type, as nft writes it."""
    return Block(
        kind,
        name,
        (
            holds,
            f"size {size}",
            *(["flags dynamic,timeout", f"timeout {timeout}"] if timeout else ["flags dynamic"]),
        ),
        dynamic=True,
        comment=comment,
    )


def noted(rule: str, comment: str) -> str:
    """Return the rule with a comment that `nft list` shows; nft takes 128 bytes of it."""
    return f'{rule} comment "{comment}"'


def quoted(names: Iterable[str]) -> str:
    """Return interface names as a nft set; they hold no quote (config.interface_name)."""
    return elements(f'"{name}"' for name in names)


def elements(items: Iterable[str]) -> str:
    """Return an anonymous set or map."""
    return "{ " + ", ".join(items) + " }"

"""What a person finds in README.md or README.ja.md: the commands of a section, in their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from guest import command, product
from guest.addresses import LAN, WAN
from guest.terminal import Terminal

INSTALLATION = "apt install ./"  # stands in one section only
TAKING_OVER = "MODE=stop /root/etc/mape.sh"  # so does this
_CHECKOUT = Path("/lab/checkout")
_HEADING = re.compile(r"^#{2,} .*$", re.MULTILINE)
_BLOCK = re.compile(r"(?:^ {4,}\S.*\n)+", re.MULTILINE)
_INTERFACES = {"enp1s0": WAN, "enp3s0": LAN}  # the document's, and this machine's


def blocks(document: str, mark: str) -> list[list[str]]:
    """Return the indented blocks of the section with ``mark``, with this machine's interfaces."""
    (section,) = (
        part for part in _HEADING.split((_CHECKOUT / document).read_text()) if mark in part
    )
    for name, here in _INTERFACES.items():
        section = section.replace(name, here)
    return [[line.strip() for line in found[0].splitlines()] for found in _BLOCK.finditer(section)]


def _is_stanza(block: Sequence[str]) -> bool:
    return any(line.startswith("iface ") for line in block)


def commands(found: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of the blocks, but for the one that stands in interfaces(5)."""
    return [line for block in found if not _is_stanza(block) for line in block]


def stanza(found: Sequence[Sequence[str]]) -> str:
    """Return the block that is to stand in interfaces(5)."""
    (block,) = filter(_is_stanza, found)
    return "\n".join([*block, ""])


def typed(line: str, answers: Sequence[str] = ()) -> str:
    """Type ``line`` into a shell beside the package; give ``answers`` where it asks."""
    at = f"cd {product.package().parent} && {line}"
    if not answers:
        return command.run(["sh", "-c", at], limit=240)
    with Terminal(["sh", "-c", at]) as terminal:
        for answer in answers:
            terminal.answer(answer)
        return terminal.end()

"""Writing nft text: small helpers that the table-owning slices share. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from dualwan.model.observed import Observed
from dualwan.model.plan import SlicePlan, Step, diff
from dualwan.model.resources import Table


def quoted(names: Iterable[str]) -> str:
    """Interface names as a nft set; they hold no quote (config.interface_name)."""
    return elements(f'"{name}"' for name in names)


def elements(items: Iterable[str]) -> str:
    """An anonymous set or map."""
    return "{ " + ", ".join(items) + " }"


def table(family: str, name: str, *blocks: str) -> Table:
    """A table from its blocks (chains, sets), as one text with nft's indentation."""
    body = "\n".join("\n".join("\t" + line if line else "" for line in block.splitlines())
                     for block in blocks)
    return Table(family, name, f"table {family} {name} {{\n{body}\n}}\n")


def block(header: str, *lines: str) -> str:
    """A chain, set or counter with its lines."""
    return "\n".join([header + " {", *("\t" + line for line in lines), "}"])


def table_plan(name: str, wanted: Table | None, table_name: str, observed: Observed,
               ) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Steps for the one table of the slice NAME, and what could not be seen."""
    if observed.tables is None:
        steps = (Step("+", wanted),) if wanted else ()
        return steps, (f"{name}: nft shows its tables to root only",)
    present = [item for item in observed.tables if item.name == table_name]
    return diff([wanted] if wanted else [], present), ()


def only_table(name: str, wanted: Table | None, table_name: str, observed: Observed) -> SlicePlan:
    """Plan of a slice that owns nothing but one nft table."""
    steps, unseen = table_plan(name, wanted, table_name, observed)
    return SlicePlan(name, steps, unseen=unseen)

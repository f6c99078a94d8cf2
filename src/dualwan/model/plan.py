"""Desired state less observed state: the steps that lead from one to the other. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dualwan.model.resources import Flows, Resource, Sysctl
from dualwan.nft.table import NftTable

LONGEST = 240  # letters of a line in a plan


@dataclass(frozen=True)
class Step:
    """One line of a plan: = is there, + to add, ~ to change, - to take away.

    For a sysctl, - means back to the value that `resource` carries.
    """

    sign: str
    resource: Resource
    was: Resource | None = None

    @property
    def changes(self) -> bool:
        """Whether the step does anything."""
        return self.sign != "="

    @property
    def text(self) -> str:
        """The step for a person."""
        if isinstance(self.resource, Sysctl) and isinstance(self.was, Sysctl):
            back = " (as it was before)" if self.sign == "-" else ""
            return f"sysctl {self.resource.name} {self.was.value} -> {self.resource.value}{back}"
        if isinstance(self.was, NftTable) and not self.was.intact and self.sign == "~":
            return f"{self.resource.text} (somebody changed it)"
        if self.sign == "~" and self.was and not isinstance(self.resource, NftTable):
            return f"{self.was.text} -> {self.resource.text}"
        return self.resource.text

    @property
    def details(self) -> tuple[str, ...]:
        """Lines that differ inside a nft table, with their own sign."""
        if self.sign != "~" or not isinstance(self.resource, NftTable):
            return ()
        old = self.was.source().splitlines() if isinstance(self.was, NftTable) else []
        lines = difflib.unified_diff(old, self.resource.source().splitlines(), n=0, lineterm="")
        return tuple(shortened(f"{line[0]} {line[1:].strip()}") for line in lines
                     if not line.startswith(("---", "+++", "@@")))


def shortened(line: str) -> str:
    """LINE, without the middle where it is too long to be read (a map of 63 port ranges)."""
    if len(line) <= LONGEST:
        return line
    return f"{line[:LONGEST * 2 // 3]} ... {line[-LONGEST // 4:]}"


@dataclass(frozen=True)
class SlicePlan:
    """The steps of one slice, in the order in which they are to be done.

    problems: what stands in the way of the rest, in words; the steps are done all the same.
    unseen: what the kernel did not show, so that the plan may be wrong about it.
    """

    name: str
    steps: tuple[Step, ...] = ()
    problems: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that do something."""
        return tuple(step for step in self.steps if step.changes)


def diff(desired: Sequence[Resource], present: Iterable[Resource]) -> tuple[Step, ...]:
    """Steps from PRESENT to DESIRED: first removals, last-made first, then the rest in order."""
    there = {resource.key: resource for resource in present}
    kept = {resource.key for resource in desired}
    steps = [Step("-", resource) for key, resource in reversed(list(there.items()))
             if key not in kept]
    for resource in desired:
        was = there.get(resource.key)
        sign = "+" if was is None else "=" if was == resource else "~"
        steps.append(Step(sign, resource, was if sign == "~" else None))
    return tuple(steps)


def sysctl_steps(desired: Sequence[Sysctl], seen: Mapping[str, str]) -> tuple[Step, ...]:
    """Steps that set sysctls; one that this kernel does not have (any more) is left out."""
    steps = []
    for sysctl in desired:
        if sysctl.name in seen:
            was = Sysctl(sysctl.name, seen[sysctl.name])
            same = was == sysctl
            steps.append(Step("=" if same else "~", sysctl, None if same else was))
    return tuple(steps)


def restore_steps(originals: Mapping[str, str], kept: Iterable[str],
                  seen: Mapping[str, str]) -> tuple[Step, ...]:
    """Steps that put back the sysctls of ORIGINALS, but for KEPT, last set first."""
    keep = set(kept)
    return tuple(Step("-", Sysctl(name, value), Sysctl(name, seen[name]))
                 for name, value in reversed(list(originals.items()))
                 if name not in keep and name in seen and seen[name] != value)


def flow_steps(addresses: Iterable[str]) -> tuple[Step, ...]:
    """Steps that forget the conntrack entries naming ADDRESSES."""
    return tuple(Step("-", Flows(address)) for address in sorted(set(addresses)) if address)

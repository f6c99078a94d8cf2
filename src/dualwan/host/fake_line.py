"""The line of a host in memory: the prefixes of a device, and its routers' announcements."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from dualwan.host.fake_outside import FakeOutside
from dualwan.model.observed import Observed


class FakeLine(FakeOutside):
    """Answers as a kernel and the routers of a line do; state: see FakeOutside."""

    def __init__(self, state: Observed | None = None) -> None:
        super().__init__(state)
        self.locked = False
        # Set or checked by tests.
        self.announced: dict[str, tuple[str, ...]] = {}  # IPv6 prefixes by device
        self.announced_by_router: dict[str, tuple[str, ...]] = {}  # of these, by the default router
        # By device, its default routers and the answer of each to a solicitation; None for no
        # answer.
        self.saying: dict[str, dict[str, tuple[str, ...] | None]] = {}
        self.solicited: list[str] = []

    # --- the line ------------------------------------------------------------------------

    def prefixes(self, device: str) -> tuple[str, ...]:
        """See LineServices: from ``announced``."""
        return self.announced.get(device, ())

    def router_prefixes(self, device: str) -> tuple[str, ...]:
        """See LineServices: from ``announced_by_router``; recorded in ``solicited``."""
        self.solicited.append(device)
        return self.announced_by_router.get(device, ())

    def routers(self, device: str) -> frozenset[str]:
        """See LineServices: those of ``saying``."""
        return frozenset(self.saying.get(device, ()))

    def announcements(self, device: str, routers: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """See LineServices: from ``saying``; recorded in ``solicited``."""
        self.solicited.append(device)
        saying = self.saying.get(device, {})
        return {
            router: said
            for router, said in saying.items()
            if router in routers and said is not None
        }

    def line_state(self, device: str) -> tuple[object, ...] | None:
        """See Kernel."""
        link = self.state.links.get(device)
        if link is None:
            return None
        return (
            link.index,
            link.up,
            frozenset(self.prefixes(device)),
            self.state.ipv6_default,
            self.routers(device),
        )

    def await_prefix(self, device: str, seconds: float) -> bool:
        """See Kernel. It does not wait."""
        del seconds
        if self.locked:
            raise AssertionError("a wait under the lock")
        return bool(self.announced.get(device))

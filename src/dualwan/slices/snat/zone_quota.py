"""The quota of a zone: the most ports that all its hosts together may hold towards a destination.

It works as the quota of a host (quota.py): a flow is counted by destination in the set of its zone,
and one over the limit is refused if it would leave by the tunnel. Pure.
"""

from __future__ import annotations

from dualwan.config.zones import WHOLE, Zone
from dualwan.frozen import dataclass
from dualwan.nft.table import Block, commented, dynamic
from dualwan.slices.snat import names
from dualwan.slices.snat.flow import ICMP, L4, TCP, UDP
from dualwan.slices.snat.ports import Pool
from dualwan.slices.zones import by_zone

_DESTINATIONS = 65536  # of a zone at a time
_NO_ROOM = "no room to count: refused, as many destinations at once are no guest's"
_MATCHES = ((TCP, "meta l4proto tcp"), (UDP, "meta l4proto udp"), (ICMP, "icmp type echo-request"))


@dataclass(frozen=True)
class ZoneQuota:
    """The quotas of ``zones`` from the ports of ``pool``."""

    pool: Pool
    zones: tuple[Zone, ...]

    @property
    def _limited(self) -> list[Zone]:
        some = self.zones if self.pool.counted else ()
        return [zone for zone in some if zone.max_share < WHOLE]

    @property
    def applies(self) -> bool:
        """Whether flows can be refused at all."""
        return bool(self._limited)

    def _limit(self, zone: Zone) -> int:
        return max(1, len(self.pool.ports) * zone.max_share // 100)

    def sets(self) -> list[Block]:
        """Return the sets of counted flows; see Quota for their comment."""
        return [
            dynamic(
                "set",
                _held(l4, zone),
                "type ipv4_addr" + ("" if l4 is ICMP else " . inet_service"),
                _DESTINATIONS,
                comment=f"up to {self._limit(zone)}",
            )
            for zone in self._limited
            for l4, _ in _MATCHES
        ]

    def rules(self) -> list[str]:
        """Return the rule of the prerouting chain that leads to the chains of these zones."""
        return by_zone(self._limited, f"jump {names.QUOTA_ZONE.of('')}")

    def chains(self) -> list[Block]:
        """Return the chains that count the flows of a zone."""
        return [
            names.QUOTA_ZONE.block(
                *(rule for l4, match in _MATCHES for rule in self._counting(zone, l4, match)),
                of=(zone.name,),
            )
            for zone in self._limited
        ]

    def _counting(self, zone: Zone, l4: L4, match: str) -> tuple[str, str]:
        """Return the rules that count the flows of ``match``; for `!=` see lan_flows."""
        held, limit, refuse = _held(l4, zone), self._limit(zone), names.QUOTA_EXCEEDED.name
        return (
            commented(
                f"{match} add @{held} {{ {l4.destination} ct count over {limit} }} goto {refuse}",
                f"{limit} = {zone.max_share} % of {len(self.pool.ports)} ports",
            ),
            commented(f"{match} {l4.destination} != @{held} goto {refuse}", _NO_ROOM),
        )


def _held(l4: L4, zone: Zone) -> str:
    return names.HELD_ZONE.format(l4.name, zone.name)

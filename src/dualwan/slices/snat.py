"""The snat slice: one nft table that translates what leaves by either WAN. Pure.

The port set goes into one rule: `numgen` picks a block, the map gives address and port
range, netfilter picks a free port in it. The concatenated value (address . ports) is the
form that uses each port of a block on every nft since 1.0.6, and maps ICMP echo
identifiers too; `snat to ADDR : numgen … map` uses one port a block on 1.0.6 and is
refused by 1.1.
"""

from __future__ import annotations

from dualwan.config import Config
from dualwan.mape_config import Softwire
from dualwan.observed import Observed
from dualwan.plan import SlicePlan
from dualwan.portset import PortSet
from dualwan.resources import Table
from dualwan.slices.nft import block, only_table, table

NAME = "snat"
TABLE = "dualwan_snat"


def plan(config: Config, observed: Observed, up: bool) -> SlicePlan:
    """Steps that bring the translation to its desired state, or take it away."""
    return only_table(NAME, wanted(config) if up else None, TABLE, observed)


def wanted(config: Config) -> Table:
    """The whole table."""
    tunnel, softwire = config.mape.tunnel, config.mape.softwire
    snat = [f'oifname "{tunnel}" {_snat(softwire)}'] if softwire and softwire.translated else []
    return table(
        "ip", TABLE,
        block("counter untranslated"),
        block(
            "chain postrouting",
            "type nat hook postrouting priority srcnat; policy accept;",
            *snat,
            f'oifname "{config.pppoe.interface}" masquerade',
        ),
        _guard(tunnel, softwire),
    )


def _ranges(port_set: PortSet) -> list[str]:
    ranges = [(max(low, 1), high) for low, high in port_set.ranges()]  # port 0 is nobody's
    return [f"{low}-{high}" if high > low else str(low) for low, high in ranges]


def _snat(softwire: Softwire) -> str:
    if softwire.port_set is None:
        return f"snat ip to {softwire.ipv4}"
    ranges = _ranges(softwire.port_set)
    values = ", ".join(f"{at} : {softwire.ipv4} . {ports}" for at, ports in enumerate(ranges))
    return (f"meta l4proto {{ tcp, udp, icmp }} snat ip to numgen inc mod {len(ranges)} "
            f"map {{ {values} }}")


def _guard(tunnel: str, softwire: Softwire | None) -> str:
    """Nothing leaves by the tunnel but with the shared address and a port of the set.

    The border relay drops the rest anyway (RFC 7597 section 8.1); dropped here it is
    counted, and no private address shows outside.
    """
    refuse = "counter name untranslated drop"
    head = ["type filter hook postrouting priority srcnat + 10; policy accept;",
            f'oifname != "{tunnel}" accept']
    if softwire is None:
        return block("chain guard", *head, refuse)
    if not softwire.translated:
        return block("chain guard", *head)
    if softwire.port_set is None:
        return block("chain guard", *head, f"ip saddr != {softwire.ipv4} {refuse}")
    ports = ", ".join(_ranges(softwire.port_set))
    return block(
        "chain guard",
        *head,
        f"ip saddr != {softwire.ipv4} {refuse}",
        f"meta l4proto {{ tcp, udp }} th sport != {{ {ports} }} {refuse}",
        f"icmp type echo-request icmp id != {{ {ports} }} {refuse}",
        f"meta l4proto != {{ tcp, udp, icmp }} {refuse}",
    )

"""The border relay: the far end of the tunnel, which enforces MAP-E as a provider's does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from guest.addresses import BR, CE, MAPE_ADDRESS, OTHER_BR, PORT_BLOCKS
from guest.namespace import Namespace


def _guard() -> str:
    """Rules of the relay, which pass only packets with this customer's address and port set."""
    blocks = ", ".join(f"{block.start}-{block.stop - 1}" for block in PORT_BLOCKS)
    return f"""
table inet guard {{
    set ports {{ type inet_service; flags interval; elements = {{ {blocks} }} }}
    set echo_ids {{ typeof icmp id; flags interval; elements = {{ {blocks} }} }}
    counter passed {{ }}
    counter foreign_source {{ }}
    counter foreign_port {{ }}
    counter foreign_echo_id {{ }}
    counter inbound_outside {{ }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        iifname "map0" jump from_home
        oifname "map0" jump to_home
    }}
    chain from_home {{
        ip saddr != {MAPE_ADDRESS} counter name foreign_source drop
        meta l4proto {{ tcp, udp }} ip frag-off & 0x1fff == 0 \
            th sport != @ports counter name foreign_port drop
        icmp type echo-request icmp id != @echo_ids counter name foreign_echo_id drop
        counter name passed accept
    }}
    chain to_home {{
        meta l4proto {{ tcp, udp }} ip frag-off & 0x1fff == 0 \
            th dport != @ports counter name inbound_outside drop
        icmp type echo-reply icmp id != @echo_ids counter name inbound_outside drop
    }}
}}
"""


_SILENCE = f"""
table ip6 silence {{
    chain input {{ type filter hook input priority filter; ip6 daddr {BR} meta l4proto 4 drop; }}
}}
"""


@dataclass(frozen=True)
class Relay:
    """The border relay in its namespace."""

    space: Namespace

    def build(self) -> None:
        """Make tunnel and guard; line.py makes the links."""
        self.space.ip(
            f"link add name map0 type ip6tnl mode ipip6 local {BR} remote {CE} encaplimit none",
            "link set dev map0 mtu 1460 up",
            f"route add {MAPE_ADDRESS} dev map0",
        )
        self.space.run("nft", "-f", "-", text=_guard())

    def serve(self, ce: str, blocks: Iterable[range]) -> None:
        """Serve the customer with this CE and these ports of the same address from now on."""
        self.space.ip(
            f"link set dev map0 type ip6tnl mode ipip6 local {BR} remote {ce} encaplimit none"
        )
        elements = ", ".join(f"{block.start}-{block.stop - 1}" for block in blocks)
        for name in ("ports", "echo_ids"):
            self.space.run(
                "nft",
                f"flush set inet guard {name}; add element inet guard {name} {{ {elements} }}",
            )

    @contextmanager
    def other_softwire(self, end: str, *routed: str) -> Iterator[None]:
        """Be OTHER_BR too for a `with` block: a tunnel to ``end`` gets packets to ``routed``."""
        self.space.ip(
            f"address add {OTHER_BR}/64 dev isp nodad",
            f"link add name other0 type ip6tnl mode ipip6 local {OTHER_BR} remote {end} "
            "encaplimit none",
            "link set dev other0 mtu 1460 up",
            *(f"route add {route} dev other0" for route in routed),
        )
        try:
            yield
        finally:
            self.space.ip("link del dev other0", f"address del {OTHER_BR}/64 dev isp")

    def fall_silent(self) -> None:
        """Accept no more MAP-E packets from the customer, like a relay that has failed."""
        self.space.run("nft", "-f", "-", text=_SILENCE)

    def speak(self) -> None:
        """Work again."""
        self.space.run("nft", "delete", "table", "ip6", "silence")

    def counters(self) -> dict[str, int]:
        """Return the relay's packet counters, by verdict."""
        return self.space.counters("guard")

    def refused(self) -> dict[str, int]:
        """Return the customer's packets that a provider would drop, by reason; {} if none."""
        return {
            name: count
            for name, count in self.counters().items()
            if name.startswith("foreign") and count
        }

    def reset(self) -> None:
        """Count from zero."""
        self.space.run("nft", "reset", "counters", "table", "inet", "guard")

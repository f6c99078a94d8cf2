"""How much of the port set is in use, for `status`."""

from __future__ import annotations

from typing import Any

from dualwan.model.usage import PROTOCOLS, Usage
from dualwan.model.way import Softwire


def as_data(softwire: Softwire | None, used: Usage) -> dict[str, Any] | None:
    """For programs; None where no address is shared."""
    if softwire is None or softwire.port_set is None:
        return None
    return {
        "size": len(softwire.port_set),
        "used": {protocol: used.ports(protocol) for protocol in PROTOCOLS},
        "flows": {
            protocol: sum(one.protocol == protocol for one in used.flows) for protocol in PROTOCOLS
        },
        "destinations": [
            {"protocol": protocol, "address": address, "port": port, "used": count}
            for (protocol, address, port), count in used.destinations()
        ],
        "hosts": [{"address": address, "flows": count} for address, count in used.hosts()],
        "refused": dict(used.losses.refused),
        "no-port": used.losses.no_port,
        "untranslated": used.losses.untranslated,
    }


def rows(data: dict[str, Any] | None) -> list[tuple[str, str]]:
    """For a person: titles and what they say."""
    if data is None:
        return []
    size, found = data["size"], []
    found.append(
        (
            "ports",
            ", ".join(f"{name} {count}" for name, count in data["used"].items())
            + f" of {size} in use",
        )
    )
    if busiest := [
        f"{one['address']}"
        + (f":{one['port']}" if one["port"] else "")
        + f" {one['protocol']} {one['used']} of {size}"
        for one in data["destinations"]
    ]:
        found.append(("busiest", ", ".join(busiest)))
    if hosts := [f"{one['address']} {one['flows']} flows" for one in data["hosts"]]:
        found.append(("hosts", ", ".join(hosts)))
    if refused := [f"{address} {count} flows" for address, count in data["refused"].items()]:
        found.append(("refused", ", ".join(refused) + " beyond max-share"))
    if data["no-port"]:
        found.append(("lost", f"{data['no-port']} flows found every port taken"))
    if data["untranslated"]:
        found.append(("stopped", f"{data['untranslated']} packets without a port of the set"))
    return found

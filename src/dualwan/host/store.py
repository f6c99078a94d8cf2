"""/run/dualwan: the run state; lost at boot, by design."""

from __future__ import annotations

from typing import Any

from dualwan import paths
from dualwan.config import values
from dualwan.host import noted, records, run_files
from dualwan.model.state import RunState

NAME = run_files.STATE
APPLIED = paths.APPLIED  # beside it, because `status` of a user reads the state


def load_state() -> RunState:
    """Return the saved state; an empty one if the file is missing or broken."""
    try:
        return decode(run_files.read(NAME) | {"applied": _applied()})
    except run_files.BROKEN:
        return RunState()


def _applied() -> str:
    """Return the configuration that was applied last, "" for none; only root may read it."""
    try:
        return noted.text(run_files.read(APPLIED))
    except run_files.BROKEN:
        return ""


def decode(data: Any) -> RunState:
    """Return the state in ``data``, as ``encode`` or 0.1.0 wrote it.

    Raises those of BROKEN if a value does not have the type of its field.
    """
    return RunState(
        wanted=values.flag(data["wanted"]),
        sysctls={
            noted.word(owner): {
                noted.sysctl(name): noted.sysctl_value(value) for name, value in originals.items()
            }
            for owner, originals in data["sysctls"].items()
        },
        addresses=tuple(noted.line_address(item) for item in data["addresses"]),
        found=tuple(noted.line_address(item) for item in data.get("found", ())),
        tunnels=tuple(values.tunnel_name(name) for name in data["tunnels"]),
        softwires=_addresses(data, "softwires", "mape"),
        ces={noted.word(way): noted.ipv6(ce) for way, ce in data.get("ces", {}).items()},
        sessions=_addresses(data, "sessions", "pppoe"),
        interfaces={
            noted.word(way): noted.session_device(name)
            for way, name in data.get("interfaces", {}).items()
        },
        numbers={
            noted.word(way): noted.number(one) for way, one in data.get("numbers", {}).items()
        },
        routed=None if data.get("routed") is None else tuple(map(noted.routed, data["routed"])),
        prefix=noted.prefix(data["prefix"]),
        routers=tuple(noted.router(address) for address in data.get("routers", ())),
        asked=tuple(noted.question(one) for one in data.get("asked", ())),
        successor=noted.prefix(data.get("successor", "")),
        aftr=noted.ipv6(data["aftr"]),
        aftr_name=noted.host(data.get("aftr-name", "")),
        notified_ce=noted.ipv6(data.get("notified-ce", data.get("told", ""))),
        notified={noted.word(way): noted.ipv6(ce) for way, ce in data.get("notified", {}).items()},
        notified_of={
            noted.word(way): noted.word(of) for way, of in data.get("notified-of", {}).items()
        },
        health=noted.health(data["health"]),
        probed=noted.seconds(data.get("probed", 0.0)),
        tables=tuple(noted.table(name) for name in data["tables"]),
        losses=noted.losses(data.get("losses", {})),
        dialled=tuple(values.peer(peer) for peer in data.get("dialled", ())),
        version=noted.word(data.get("version", "")),
        findings=tuple(noted.word(digest) for digest in data.get("findings", ())),
        looked=noted.look(data.get("looked", (0, 0))),
        role=noted.role(data.get("role", (False, 0, True))),
        applied=noted.text(data.get("applied", "")),
        owed_flows=tuple(noted.ipv4_network(address) for address in data.get("owed-flows", ())),
        owes_inbound_flows=values.flag(data.get("owes-inbound-flows", False)),
        owes_carried_flows=values.flag(data.get("owes-carried-flows", False)),
        owed_solicitations=tuple(noted.device(name) for name in data.get("owed-solicitations", ())),
        awaited=values.flag(data.get("awaited", False)),
        in_transition=values.flag(data.get("in-transition", False)),
        transition_at=noted.seconds(data.get("transition-at", 0.0)),
        generation=noted.number(data.get("generation", 0)),
    )


def _addresses(data: dict[str, Any], key: str, old: str) -> dict[str, str]:
    """Return addresses by way; 0.1.0 had one way of each kind, under the key ``old``."""
    found = data[key] if key in data else {old: data[old]} if data[old] else {}
    return {noted.word(way): noted.ipv4(address) for way, address in found.items()}


def encode(state: RunState) -> dict[str, Any]:
    """Return ``state`` as data for JSON."""
    return {
        "wanted": state.wanted,
        "sysctls": {owner: dict(values) for owner, values in state.sysctls.items()},
        "addresses": [[item.device, item.address] for item in state.addresses],
        "found": [[item.device, item.address, item.deprecated] for item in state.found],
        "tunnels": state.tunnels,
        "softwires": dict(state.softwires),
        "ces": dict(state.ces),
        "sessions": dict(state.sessions),
        "interfaces": dict(state.interfaces),
        "numbers": dict(state.numbers),
        "routed": state.routed,
        "prefix": state.prefix,
        "routers": state.routers,
        "asked": state.asked,
        "successor": state.successor,
        "aftr": state.aftr,
        "aftr-name": state.aftr_name,
        "notified-ce": state.notified_ce,
        "notified": dict(state.notified),
        "notified-of": dict(state.notified_of),
        "health": tuple(state.health),
        "probed": state.probed,
        "tables": state.tables,
        "losses": dict(vars(state.losses)),
        "dialled": state.dialled,
        "version": state.version,
        "findings": state.findings,
        "looked": tuple(state.looked),
        "role": tuple(state.role),
        "applied": state.applied,
        "owed-flows": state.owed_flows,
        "owes-inbound-flows": state.owes_inbound_flows,
        "owes-carried-flows": state.owes_carried_flows,
        "owed-solicitations": state.owed_solicitations,
        "awaited": state.awaited,
        "in-transition": state.in_transition,
        "transition-at": state.transition_at,
        "generation": state.generation,
    }


def save_state(state: RunState) -> None:
    """Save ``state``; raises HostError, and the old file is intact then."""
    records.take_over()
    data = encode(state)
    applied = data.pop("applied")
    with run_files.uninterrupted():
        run_files.write(NAME, data)
        if applied != _applied():
            run_files.write(APPLIED, applied)

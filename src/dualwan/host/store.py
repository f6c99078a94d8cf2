"""/run/dualwan: the run state; lost at boot, by design."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dualwan.host import records, run_files
from dualwan.model.resources import Address
from dualwan.model.state import Health, RunState
from dualwan.model.usage import Losses

NAME = run_files.STATE


def load_state() -> RunState:
    """Return the saved state; an empty one if the file is missing or broken."""
    try:
        return decode(run_files.read(NAME))
    except run_files.BROKEN:
        return RunState()


def decode(data: Any) -> RunState:
    """Return the state in ``data``, as ``encode`` or 0.1.0 wrote it; raises those of BROKEN."""
    return RunState(
        wanted=bool(data["wanted"]),
        sysctls={
            str(owner): {str(name): str(value) for name, value in values.items()}
            for owner, values in data["sysctls"].items()
        },
        addresses=tuple(
            Address(str(device), str(address)) for device, address in data["addresses"]
        ),
        found=tuple(
            Address(str(device), str(address), bool(deprecated))
            for device, address, deprecated in data.get("found", ())
        ),
        tunnels=tuple(str(name) for name in data["tunnels"]),
        softwires=_addresses(data, "softwires", "mape"),
        sessions=_addresses(data, "sessions", "pppoe"),
        interfaces={str(way): str(name) for way, name in data.get("interfaces", {}).items()},
        prefix=str(data["prefix"]),
        aftr=str(data["aftr"]),
        aftr_name=str(data.get("aftr-name", "")),
        notified_ce=str(data.get("notified-ce", data.get("told", ""))),
        health=Health(*data["health"]),
        tables=tuple(str(name) for name in data["tables"]),
        losses=Losses(**data.get("losses", {})),
        dialled=tuple(str(peer) for peer in data.get("dialled", ())),
        version=str(data.get("version", "")),
        findings=tuple(str(digest) for digest in data.get("findings", ())),
        applied=str(data.get("applied", "")),
        owed_flows=tuple(str(address) for address in data.get("owed-flows", ())),
        owes_inbound_flows=bool(data.get("owes-inbound-flows", False)),
        owed_solicitations=tuple(str(name) for name in data.get("owed-solicitations", ())),
        awaited=bool(data.get("awaited", False)),
        in_transition=bool(data.get("in-transition", False)),
        generation=int(data.get("generation", 0)),
    )


def _addresses(data: dict[str, Any], key: str, old: str) -> dict[str, str]:
    """Return addresses by way; 0.1.0 had one way of each kind, under the key ``old``."""
    found = data[key] if key in data else {old: data[old]} if data[old] else {}
    return {str(way): str(address) for way, address in found.items()}


def encode(state: RunState) -> dict[str, Any]:
    """Return ``state`` as data for JSON."""
    return {
        "wanted": state.wanted,
        "sysctls": {owner: dict(values) for owner, values in state.sysctls.items()},
        "addresses": [[item.device, item.address] for item in state.addresses],
        "found": [[item.device, item.address, item.deprecated] for item in state.found],
        "tunnels": state.tunnels,
        "softwires": dict(state.softwires),
        "sessions": dict(state.sessions),
        "interfaces": dict(state.interfaces),
        "prefix": state.prefix,
        "aftr": state.aftr,
        "aftr-name": state.aftr_name,
        "notified-ce": state.notified_ce,
        "health": tuple(state.health),
        "tables": state.tables,
        "losses": asdict(state.losses),
        "dialled": state.dialled,
        "version": state.version,
        "findings": state.findings,
        "applied": state.applied,
        "owed-flows": state.owed_flows,
        "owes-inbound-flows": state.owes_inbound_flows,
        "owed-solicitations": state.owed_solicitations,
        "awaited": state.awaited,
        "in-transition": state.in_transition,
        "generation": state.generation,
    }


def save_state(state: RunState) -> None:
    """Save ``state``; raises HostError, and the old file is intact then."""
    records.take_over()
    run_files.write(NAME, encode(state))

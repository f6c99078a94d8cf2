"""The interface of a PPP session: by the pppd that has it, whatever its unit is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dualwan.config import Config
from dualwan.frozen import replace
from dualwan.line import Line
from dualwan.model.way import Kind, Way, of_kind
from dualwan.ppp.session import NO_DEVICE, Session, present
from dualwan.words import say


def located(line: Line, config: Config, sessions: Sequence[Session]) -> Line:
    """Return ``line`` with the interfaces that its PPP sessions have now.

    ``sessions``: those of the machine. A warning names each that differs from the configuration.
    """
    ways: list[Way] = []
    warnings: list[str] = []
    for way in line.ways:
        device, warning = way.device, ""
        if way.kind is Kind.PPP:
            device, warning = _device(way, config, sessions)
        ways.append(replace(way, device=device))
        warnings += [warning] if warning else []
    return replace(line, ways=tuple(ways), warnings=(*line.warnings, *warnings))


def has_moved(line: Line, noted: Mapping[str, str]) -> bool:
    """Whether a PPP session has another interface than ``noted``, that in the loaded tables."""
    return any(
        noted.get(way.name, way.device) != way.device for way in of_kind(line.ways, Kind.PPP)
    )


def _device(way: Way, config: Config, sessions: Sequence[Session]) -> tuple[str, str]:
    """Return the interface of the session of ``way``, and a warning for the user or "".

    Without a pppd of ours it is the configured interface, so that rules stand before the
    session does; NO_DEVICE if another pppd has that.
    """
    ours = present(way.peer, config.wan.interface, way.device, sessions)
    if ours and ours.device == way.device:
        return way.device, ""
    holder = next((one.pppd for one in sessions if one.device == way.device), None)
    if ours:
        taken = (
            say(": another pppd has {device} ({text})", device=way.device, text=holder.text)
            if holder
            else ""
        )
        key = f"({way.name}.interface)"
        return ours.device, say(
            "{peer} is on {device}, not on {way_device} {key}{taken}",
            peer=way.peer,
            device=ours.device,
            way_device=way.device,
            key=key,
            taken=taken,
        )
    if holder is None or not config.pppoe.by_peer:
        return way.device, ""
    return (
        NO_DEVICE,
        say(
            "{peer} has no session, and {device} ({name}.interface) is another "
            "pppd's ({text}), so nothing is offered on it",
            peer=way.peer,
            device=way.device,
            name=way.name,
            text=holder.text,
        ),
    )

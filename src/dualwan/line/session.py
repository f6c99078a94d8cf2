"""The interface of a PPP session: that of the pppd of its peer, whatever its unit number. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dualwan.config import Config
from dualwan.config.ways import section_of
from dualwan.frozen import replace
from dualwan.line import Line
from dualwan.model.way import Kind, Way, of_kind
from dualwan.ppp.session import Pppd, Session, no_device, present
from dualwan.words import say


def located(line: Line, config: Config, sessions: Sequence[Session]) -> Line:
    """Return ``line`` with the interfaces that its PPP sessions have now.

    ``sessions``: those of the machine. A warning names each interface that is not the configured
    one.
    """
    ways: list[Way] = []
    warnings: list[str] = []
    for way in line.ways:
        device, warning = way.device, ""
        if way.kind is Kind.PPP and not way.vpn:
            device, warning = _device(way, config, sessions)
        ways.append(replace(way, device=device))
        warnings += [warning] if warning else []
    return replace(line, ways=tuple(ways), warnings=(*line.warnings, *warnings))


def has_moved(line: Line, noted: Mapping[str, str]) -> bool:
    """Whether a PPP session has another interface than ``noted``, as in the loaded tables."""
    return any(
        noted.get(way.name, way.device) != way.device for way in of_kind(line.ways, Kind.PPP)
    )


def _device(way: Way, config: Config, sessions: Sequence[Session]) -> tuple[str, str]:
    """Return the interface of the session of ``way``, and a warning for the user or "".

    While no pppd of ours runs, it is the configured interface, so that rules exist before the
    session does; or a name that no device has (no_device), if another pppd has that interface.
    """
    # A pppd without a peer on the WAN is the first session's.
    nic = config.wan.interface if way.name not in config.ways else ""
    ours = present(way.peer, nic, way.device, sessions)
    if ours and ours.device == way.device:
        return way.device, ""
    holder = next((one.pppd for one in sessions if one.device == way.device), None)
    if ours:
        taken = (
            say(": another pppd has {device} ({text})", device=way.device, text=holder.text)
            if holder
            else ""
        )
        key = f"({section_of(way.name, config)}.interface)"
        return ours.device, say(
            "{peer} is on {device}, not on {way_device} {key}{taken}",
            peer=way.peer,
            device=ours.device,
            way_device=way.device,
            key=key,
            taken=taken,
        )
    if holder is None or not (
        config.sessions[way.name].by_peer or _is_another_ways(holder, way, config)
    ):
        return way.device, ""
    return (
        no_device(way.number),
        say(
            "{peer} has no session, and {device} ({name}.interface) is another "
            "pppd's ({text}), so nothing is offered on it",
            peer=way.peer,
            device=way.device,
            name=section_of(way.name, config),
            text=holder.text,
        ),
    )


def _is_another_ways(pppd: Pppd, way: Way, config: Config) -> bool:
    """Whether ``pppd`` has the peer of another session of ours."""
    return any(
        session.peer in pppd.peers for name, session in config.sessions.items() if name != way.name
    )

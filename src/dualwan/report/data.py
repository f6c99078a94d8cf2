"""The JSON that --json prints, as types. Keys are for programs, and stay."""

from __future__ import annotations

from typing import TypedDict


class FindingData(TypedDict):
    """An obstacle outside our own state; see model.finding."""

    code: str
    seen: str
    remedy: str


class StepData(TypedDict):
    """A step of a plan."""

    sign: str
    text: str
    details: list[str]


class PlanData(TypedDict):
    """A plan, or the steps of a run, by slice. role: see StatusData."""

    role: str | None
    changes: int
    slices: dict[str, list[StepData]]
    warnings: list[str]
    problems: list[str]
    unseen: list[str]
    findings: list[FindingData]


WanData = TypedDict("WanData", {"interface": str, "up": bool, "ipv6-default-route": bool})


# All keys but ipv4 are missing without a softwire, and psid and later ones without a port set.
SoftwireData = TypedDict(
    "SoftwireData",
    {
        "ipv4": str | None,
        "ce": str,
        "br": str,
        "origin": str,
        "psid": int,
        "psid-offset": int,
        "psid-length": int,
        "ports": int,
        "ranges": list[list[int]],
    },
    total=False,
)


class MapeData(SoftwireData):
    """The softwire and its device."""

    mode: str
    tunnel: str
    up: bool
    prefix: str | None


class PppoeData(TypedDict):
    """The PPP session."""

    peer: str
    interface: str
    up: bool
    address: str | None


class WayData(TypedDict):
    """A further way. type: as in the configuration; peer: of a PPP session, else None."""

    name: str
    type: str
    interface: str
    up: bool
    address: str | None
    peer: str | None


class DestinationData(TypedDict):
    """A destination of flows; used: ports in use towards it."""

    protocol: str
    address: str
    port: int
    used: int


class HostData(TypedDict):
    """A host of the LAN and its flows."""

    address: str
    flows: int


PortsData = TypedDict(
    "PortsData",
    {
        "size": int,
        "used": dict[str, int],
        "flows": dict[str, int],
        "destinations": list[DestinationData],
        "hosts": list[HostData],
        "refused": dict[str, int],
        "no-port": int,
        "untranslated": int,
    },
)


class SliceData(TypedDict):
    """A slice: "in order", "absent", "differs" or "unknown", and the steps that are pending."""

    state: str
    pending: list[str]


class LearnedData(TypedDict):
    """An answer of the line; age and ttl in seconds."""

    source: str
    origin: str
    service: str
    prefix: str
    age: int
    ttl: int
    covers: bool


class TrialData(TypedDict):
    """A trial. state: "pending", "returning" or "not confirmed"; left: seconds, while pending.

    file: that is tried; path: that events read, the same or another.
    """

    state: str
    file: str
    path: str
    left: int | None


# A service or port that is open to the internet. by: the way, or "IPv6". to: "router", or a LAN
# host.
OpenData = TypedDict(
    "OpenData", {"by": str, "what": str, "to": str, "from": list[str], "guard": bool}
)


ZoneData = TypedDict(
    "ZoneData",
    {
        "name": str,
        "interfaces": list[str],
        "services": list[str],
        "zones": list[str],
        "ways": list[str],
        "max-share": int,
    },
)


class LastData(TypedDict):
    """The last event that changed something or failed.

    time: as in RFC 3339, in local time. failure: the last error, "" for none.
    """

    event: str
    time: str
    changes: int
    failure: str


class StatusData(TypedDict):
    """The whole status, as report/status.schema.json describes it.

    works: None if too little could be observed; for a standby, whether it is closed and ready.
    role: "active" or "standby", None without another router. cause: why it does not work. unnamed:
    dropped packets by device that no section names. last: None if the log has no event, or cannot
    be read.
    """

    works: bool | None
    role: str | None
    cause: str
    wan: WanData
    mape: MapeData
    pppoe: PppoeData
    ways: list[WayData]
    ports: PortsData | None
    watcher: bool
    trial: TrialData | None
    waiting: list[str]
    slices: dict[str, SliceData]
    learned: list[LearnedData]
    problems: list[str]
    warnings: list[str]
    unseen: list[str]
    findings: list[FindingData]
    unnamed: dict[str, int]
    open: list[OpenData]
    zones: list[ZoneData]
    last: LastData | None


class RulesData(TypedDict):
    """The rules of a slice. state: of its nft table, in words; steps: of its other resources."""

    table: str
    state: str
    steps: list[StepData]
    source: str


PolicyData = TypedDict("PolicyData", {"from": str, "to": str, "what": str, "result": str})


class CheckData(TypedDict):
    """A check of doctor. result: "ok", "failed", "not applicable" or "not checked"."""

    name: str
    checks: str
    result: str
    seen: str
    remedy: str
    because: str | None


class DiagnosisData(TypedDict):
    """All checks, in the order in which a line fails. first: the first that has failed."""

    well: bool
    first: str | None
    checks: list[CheckData]

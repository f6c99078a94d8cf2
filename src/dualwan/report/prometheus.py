"""Status as a textfile for Prometheus' node exporter (text exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterator

from dualwan.report.data import PortsData, StatusData

Sample = tuple[dict[str, str], int]


def text(data: StatusData) -> str:
    """Return all metrics of ``data``."""
    lines: list[str] = []
    for name, kind, about, samples in _metrics(data):
        lines += [f"# HELP dualwan_{name} {about}", f"# TYPE dualwan_{name} {kind}"]
        lines += [f"dualwan_{name}{_labels(labels)} {value}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _metrics(data: StatusData) -> Iterator[tuple[str, str, str, list[Sample]]]:
    yield (
        "up",
        "gauge",
        "Whether a WAN is up.",
        [
            ({"wan": name, "interface": device}, int(up))
            for name, device, up in (
                ("wan", data["wan"]["interface"], data["wan"]["up"]),
                ("mape", data["mape"]["tunnel"], data["mape"]["up"]),
                ("pppoe", data["pppoe"]["interface"], data["pppoe"]["up"]),
                *((one["name"], one["interface"], one["up"]) for one in data["ways"]),
            )
        ],
    )
    if data["role"] is not None:
        yield (
            "active",
            "gauge",
            "Whether this router is the active one of two.",
            [({}, int(data["role"] == "active"))],
        )
    yield (
        "slice_in_order",
        "gauge",
        "Whether a slice is as configured.",
        [
            ({"slice": name}, int(item["state"] == "in order"))
            for name, item in data["slices"].items()
        ],
    )
    yield (
        "problems",
        "gauge",
        "What stands in the way of the configuration.",
        [({}, len(data["problems"]))],
    )
    yield (
        "packets_unnamed",
        "gauge",
        "Packets of the last day that were dropped because no section names their device.",
        [({"interface": device}, count) for device, count in data["unnamed"].items()],
    )
    if data["ports"] is not None:
        yield from _ports(data["ports"])


def _ports(ports: PortsData) -> Iterator[tuple[str, str, str, list[Sample]]]:
    yield "ports", "gauge", "Ports of the port set.", [({}, ports["size"])]
    yield (
        "ports_used",
        "gauge",
        "Ports in use, towards any destination.",
        [({"protocol": name}, count) for name, count in ports["used"].items()],
    )
    yield (
        "ports_used_destination",
        "gauge",
        "Ports in use towards the busiest destination.",
        [({}, max((one["used"] for one in ports["destinations"]), default=0))],
    )
    yield (
        "flows",
        "gauge",
        "Flows by the tunnel.",
        [({"protocol": name}, count) for name, count in ports["flows"].items()],
    )
    yield (
        "flows_refused_total",
        "counter",
        "Flows of a host beyond max-share.",
        [({"host": host}, count) for host, count in ports["refused"].items()],
    )
    yield (
        "flows_without_port_total",
        "counter",
        "Flows that found every port taken.",
        [({}, ports["no-port"])],
    )
    yield (
        "packets_stopped_total",
        "counter",
        "Packets without a port of the set.",
        [({}, ports["untranslated"])],
    )


def _labels(labels: dict[str, str]) -> str:
    """Return the labels in braces; names of interfaces can contain a quote or a backslash."""
    if not labels:
        return ""
    return (
        "{"
        + ",".join(
            '{}="{}"'.format(name, value.replace("\\", r"\\").replace('"', r"\""))
            for name, value in labels.items()
        )
        + "}"
    )

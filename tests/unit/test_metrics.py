"""The dashboard shows each metric that `status --prometheus` prints, and the page names it."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from status_data import data

from dualwan.report import prometheus

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "metrics/dashboard.json").read_text())
WRITTEN = {
    *re.findall(r"^# TYPE (\w+)", prometheus.text(data() | {"role": "active"}), re.MULTILINE)
}


def test_each_metric_has_a_panel():
    """And no panel asks for another one, but for the age of the file."""
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    assert {name for text in asked for name in re.findall(r"dualwan_\w+", text)} == WRITTEN
    assert all('instance=~"$instance"' in text for text in asked)


@pytest.mark.parametrize("page", ["metrics.md", "metrics.ja.md"])
def test_the_page_has_each_metric_with_its_labels(page):
    """A row each."""
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", (DOCS / page).read_text(), re.MULTILINE)
    assert {name for name, _ in rows} == WRITTEN
    text = prometheus.text(data())
    for name, labels in rows:
        sample = re.search(rf"^{name}({{.*}})? ", text, re.MULTILINE)
        if sample:
            assert re.findall(r"`(\w+)`", labels) == re.findall(r'(\w+)="', sample[1] or ""), name


def test_panels_do_not_cover_each_other():
    """Within the 24 columns of Grafana, each with an id of its own."""
    panels = DASHBOARD["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    places = [one["gridPos"] for one in panels]
    assert all(one["x"] + one["w"] <= 24 for one in places)
    for a, b in combinations(places, 2):
        assert (
            a["x"] + a["w"] <= b["x"]
            or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"]
            or b["y"] + b["h"] <= a["y"]
        ), (a, b)


def test_the_file_is_written_where_the_panel_looks_for_it():
    """Whole, by a rename in the folder that Debian's node exporter reads."""
    service = (DOCS / "metrics/dualwan-metrics.service").read_text()
    (name,) = re.findall(r"mv dualwan\.new (\S+)'", service)
    assert "WorkingDirectory=/var/lib/prometheus/node-exporter\n" in service
    (age,) = (panel for panel in DASHBOARD["panels"] if panel["title"] == "Age")
    (pattern,) = re.findall(r'file=~"([^"]+)"', age["targets"][0]["expr"])
    assert re.fullmatch(pattern.replace("\\\\", "\\"), f"/var/lib/prometheus/node-exporter/{name}")

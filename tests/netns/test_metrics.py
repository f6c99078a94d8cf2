"""The metrics and their dashboard, by a real node exporter and a real Prometheus.

Both read files and each other on the loopback of a namespace; no packet of ours is in it.
"""

import json
import re
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import pytest
from programs import program, running
from space import Namespace, until
from status_data import data

from dualwan.report import prometheus

FOLDER = Path(__file__).parents[2] / "docs/metrics"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
EXPORTER, SERVER = "127.0.0.1:9100", "127.0.0.1:9090"
SCRAPING = f"""\
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["{EXPORTER}"]}}]
"""
# Two routers only have a role, and nothing was dropped for want of a section.
EMPTY = {"dualwan_active", "dualwan_packets_unnamed"}


def asked(space, path):
    """Return the answer of Prometheus to PATH, None where there is none yet."""
    said = space.run(
        "curl", "-sS", "--max-time", "5", f"http://{SERVER}/api/v1/{path}", check=False
    )
    return json.loads(said) if said.startswith("{") else None


@pytest.fixture(scope="module", name="server")
def _server(tmp_path_factory):
    """Return a namespace with Prometheus, which has read our metrics twice."""
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "dualwan.prom").write_text(prometheus.text(data()))
    (folder / "prometheus.yml").write_text(SCRAPING)
    with ExitStack() as stack:
        space = stack.enter_context(closing(Namespace("metrics")))
        space.ip("link set lo up")
        exporter = (
            "--collector.disable-defaults",
            "--collector.textfile",
            f"--collector.textfile.directory={folder}",
            f"--web.listen-address={EXPORTER}",
        )
        stack.enter_context(running(space, program("prometheus-node-exporter"), *exporter))
        options = (
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={SERVER}",
        )
        stack.enter_context(running(space, program("prometheus"), *options))

        def has_read():
            found = asked(space, f"query?query={quote('count_over_time(dualwan_up[1m]) > 1')}")
            return found and found["data"]["result"]

        assert until(has_read, 60)
        yield space


def queries():
    """Yield the title of each panel and what it asks, for all routers."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            text = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1m")
            yield pytest.param(
                text, target["legendFormat"], id=f"{panel['title']} {target['refId']}"
            )


def test_prometheus_has_every_metric_that_is_written(server):
    """Under its name, with its kind and its words."""
    text = prometheus.text(data())
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    found = asked(server, "metadata")["data"]
    with_samples = {name for name in kinds if re.search(rf"^{name}[ {{]", text, re.MULTILINE)}
    assert {name: found[name][0]["type"] for name in with_samples} == {
        name: kinds[name] for name in with_samples
    }
    assert set(kinds) - with_samples <= EMPTY


@pytest.mark.parametrize(("text", "legend"), queries())
def test_what_a_panel_asks_is_answered(server, text, legend):
    """Each series with the labels of its legend."""
    found = asked(server, f"query?query={quote(text)}")
    assert found["status"] == "success", found
    series = found["data"]["result"]
    assert series or set(re.findall(r"dualwan_\w+", text)) & EMPTY
    for one in series:
        assert {*re.findall(r"{{(\w+)}}", legend)} <= {*one["metric"]}


def test_the_routers_to_choose_from_are_those_that_are_scraped(server):
    """By the label that the dashboard chooses by."""
    assert asked(server, "label/instance/values?match[]=dualwan_up")["data"] == [EXPORTER]

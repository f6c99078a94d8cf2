"""How much of the port set is in use: from conntrack's lines to status and metrics."""

import json
import re
from pathlib import Path

from dualwan.config import load
from dualwan.line import derive_line
from dualwan.model.usage import Flow, Losses, Usage
from dualwan.report import ports, prometheus

EXAMPLE = Path(__file__).parents[2] / "etc" / "dualwan.toml"

BUSY = Usage(
    (
        *(Flow("tcp", "192.168.1.10", "198.51.100.1", 443, 1040 + at) for at in range(12)),
        *(Flow("tcp", "192.168.1.11", "198.51.100.2", 443, 1040 + at) for at in range(3)),
        Flow("icmp", "192.168.1.11", "198.51.100.2", 0, 1040),
    ),
    Losses({"192.168.1.10": 44}, 2, 1),
)


def softwire():
    """Return that of the manual values in the example, with 1008 ports."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for key in (
        'provider = "manual"',
        "br =",
        "ce =",
        "ipv4 =",
        "psid =",
        "psid-length =",
        "psid-offset =",
    ):
        text = re.sub(rf"^# ({key}.*)$", r"\1", text, count=1, flags=re.MULTILINE)
    return text


def data(tmp_path, used):
    """Return what `status` says of USED."""
    path = tmp_path / "x.toml"
    path.write_text(softwire(), encoding="utf-8")
    return ports.as_data(derive_line(load(path)).softwire, used)


def test_ports_are_counted_once_whatever_their_destinations():
    """Twelve flows to one server and three with the same ports to another use twelve ports."""
    assert (BUSY.ports("tcp"), BUSY.ports("udp"), BUSY.ports("icmp")) == (12, 0, 1)


def test_a_person_reads_what_is_in_use_and_what_went_wrong(tmp_path):
    """The busiest first, then who was refused, and what was lost."""
    assert ports.rows(data(tmp_path, BUSY)) == [
        ("ports", "tcp 12, udp 0, icmp 1 of 1008 in use"),
        (
            "busiest",
            "198.51.100.1:443 tcp 12 of 1008, 198.51.100.2:443 tcp 3 of 1008, "
            "198.51.100.2 icmp 1 of 1008",
        ),
        ("hosts", "192.168.1.10 12 flows, 192.168.1.11 4 flows"),
        ("refused", "192.168.1.10 44 flows beyond max-share"),
        ("lost", "2 flows found every port taken"),
        ("stopped", "1 packets without a port of the set"),
    ]


def test_a_quiet_line_says_little(tmp_path):
    """Without flows only that nothing is in use."""
    assert ports.rows(data(tmp_path, Usage())) == [("ports", "tcp 0, udp 0, icmp 0 of 1008 in use")]
    assert ports.as_data(None, Usage()) is None
    assert ports.rows(None) == []


def test_metrics_have_help_type_and_one_line_a_sample(tmp_path):
    """The text is what the node exporter's parser takes: each name declared once, values last."""
    status = {
        "wan": {"interface": 'a"b\\c', "up": True},
        "mape": {"tunnel": "mape0", "up": True},
        "pppoe": {"interface": "ppp0", "up": False},
        "ways": [],
        "role": None,
        "slices": {"snat": {"state": "in order"}, "pbr": {"state": "differs"}},
        "problems": ["one"],
        "unnamed": {"docker0": 3},
        "ports": data(tmp_path, BUSY),
    }
    text = prometheus.text(json.loads(json.dumps(status)))
    lines = text.splitlines()
    assert r'dualwan_up{wan="wan",interface="a\"b\\c"} 1' in lines
    assert 'dualwan_up{wan="pppoe",interface="ppp0"} 0' in lines
    assert 'dualwan_slice_in_order{slice="pbr"} 0' in lines
    assert "dualwan_problems 1" in lines
    assert 'dualwan_packets_unnamed{interface="docker0"} 3' in lines
    assert "dualwan_ports 1008" in lines
    assert 'dualwan_ports_used{protocol="tcp"} 12' in lines
    assert "dualwan_ports_used_destination 12" in lines
    assert 'dualwan_flows_refused_total{host="192.168.1.10"} 44' in lines
    assert "dualwan_flows_without_port_total 2" in lines
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) == 11
    for line in lines:
        assert re.fullmatch(r"# (HELP|TYPE) dualwan_[a-z_]+ .+|dualwan_[a-z_]+(\{.*\})? \d+", line)


def test_without_a_shared_address_there_are_no_metrics_of_ports():
    """A line with an address of its own has nothing to count."""
    status = {
        "wan": {"interface": "a", "up": True},
        "mape": {"tunnel": "b", "up": True},
        "pppoe": {"interface": "c", "up": True},
        "ways": [],
        "role": None,
        "slices": {},
        "problems": [],
        "unnamed": {},
        "ports": None,
    }
    assert "dualwan_ports" not in prometheus.text(status)


def test_losses_are_added_and_subtracted_by_host():
    """What one table had and the next has not; less than nothing is nothing."""
    had, has = Losses({"a": 5, "b": 1}, 2, 7), Losses({"a": 3, "c": 4}, 3, 0)
    assert had + has == Losses({"a": 8, "b": 1, "c": 4}, 5, 7)
    assert had.minus(has) == Losses({"a": 2, "b": 1}, 0, 7)

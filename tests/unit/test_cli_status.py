"""The commands `status` and `event`."""

import json

from dualwan.report.data import StatusData


def test_status_tells_what_is_there(run, machine):
    """Both WANs, each slice, in words and as JSON."""
    machine.connect("203.0.113.7")
    before = json.loads(run("status", "--json")[1])
    assert {item["state"] for item in before["slices"].values()} <= {"absent", "differs"}
    run()
    after = json.loads(run("status", "--json")[1])
    assert {item["state"] for item in after["slices"].values()} == {"in order"}
    assert after["pppoe"]["address"] == "203.0.113.7"
    assert after["mape"]["ports"] == 1008
    _, out, _ = run("status")
    assert "203.0.113.7" in out
    assert "192.0.2.18, 1008 ports (PSID 1)" in out


def test_status_says_what_is_missing(run, machine):
    """What somebody flushed is pending."""
    run()
    machine.flush_ruleset()
    status = json.loads(run("status", "--json")[1])
    assert status["slices"]["snat"] == {
        "state": "absent",
        "pending": ["+ nft table ip dualwan_snat"],
    }


def test_a_person_can_play_a_hook(run, machine, monkeypatch):
    """`event` does what the hook of that name does, with its environment and its exit code."""
    machine.connect("203.0.113.7")
    monkeypatch.setenv("PPP_IFACE", "ppp0")
    assert run("event", "ppp-up")[0] == 0
    assert "203.0.113.7" in repr(machine.state.rules)
    monkeypatch.setenv("IFACE", "wan0")
    assert run("event", "ifup")[0] == 0
    assert machine.state.tunnels
    assert run("event", "ifdown")[0] == 0
    assert machine.state.tunnels == ()
    monkeypatch.setenv("IFACE", "eth9")
    machine.applied.clear()
    assert run("event", "ifup") == (0, "", "")
    assert machine.applied == []


def test_everything_that_the_status_promises_is_there(run):
    """Before and after it is brought up: what programs look up by name."""
    for _ in range(2):
        assert set(json.loads(run("status", "--json")[1])) == set(StatusData.__annotations__)
        run()

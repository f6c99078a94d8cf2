"""Which step of a plan becomes which action on the machine, and what the host only hands on."""

import os
import time
from importlib import import_module

import pytest

from dualwan.errors import HostError
from dualwan.host import kernel
from dualwan.model.observed import Reads, TableId
from dualwan.model.plan import Action, Step
from dualwan.model.resources import Address, Flows, Route, RouteRule, Solicitation, Tunnel
from dualwan.model.state import RunState
from dualwan.ppp.session import Pppd

ADDRESS = Address("mape0", "192.0.2.18")
TUNNEL = Tunnel("mape0", "2001:db8::1", "2001:db8::2", "wan0", 1460)
ROUTE, RULE = Route(254, "mape0"), RouteRule(100, 100, "203.0.113.7")


class Asked:
    """Notes each call of a method, whatever its name."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.fixture(name="net")
def _net(monkeypatch):
    """Return what netlink was asked for; the process counts as root's."""
    made = Asked()
    monkeypatch.setattr(kernel, "NetlinkChanges", lambda: made)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


@pytest.mark.parametrize(
    ("action", "resource", "call"),
    [
        (Action.ADD, ADDRESS, ("set_address", ADDRESS)),
        (Action.CHANGE, ADDRESS, ("set_address", ADDRESS)),
        (Action.REMOVE, ADDRESS, ("remove_address", ADDRESS)),
        (Action.ADD, TUNNEL, ("set_tunnel", TUNNEL)),
        (Action.CHANGE, TUNNEL, ("set_tunnel", TUNNEL)),
        (Action.REMOVE, TUNNEL, ("remove_link", "mape0")),
        (Action.ADD, ROUTE, ("add_route", ROUTE)),
        (Action.REMOVE, ROUTE, ("remove_route", ROUTE)),
        (Action.ADD, RULE, ("add_rule", RULE)),
        (Action.REMOVE, RULE, ("remove_rule", RULE)),
    ],
)
def test_a_step_is_one_request(net, action, resource, call):
    """Only REMOVE takes away; a change sets anew."""
    kernel.KernelHost().apply(Step(action, resource))
    assert net.calls == [call]


@pytest.mark.parametrize(
    ("step", "target", "argument"),
    [
        (Step(Action.REMOVE, Flows("192.0.2.18")), "conntrack.forget_flows", "192.0.2.18"),
        (Step(Action.ADD, Solicitation("wan0")), "ndp.solicit", "wan0"),
    ],
)
@pytest.mark.usefixtures("net")
def test_flows_and_solicitations_have_their_own(monkeypatch, step, target, argument):
    """By the program and the socket that they need."""
    asked = []
    monkeypatch.setattr(f"dualwan.host.{target}", asked.append)
    kernel.KernelHost().apply(step)
    assert asked == [argument]


def test_without_root_nothing_is_tried(net, monkeypatch):
    """The step that was meant is named."""
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(HostError, match=r"^rule 100: .* changing anything needs root$"):
        kernel.KernelHost().apply(Step(Action.ADD, RULE))
    assert net.calls == []
    assert kernel.KernelHost().flows_from("192.0.2.18") is None


def test_flows_are_listed_for_root(net, monkeypatch):
    """By conntrack's words."""
    monkeypatch.setattr("dualwan.host.conntrack.flows_from", lambda address: (address,))
    assert kernel.KernelHost().flows_from("192.0.2.18") == ("192.0.2.18",)
    assert net.calls == []


@pytest.mark.usefixtures("net")
def test_what_nft_hides_is_no_error(monkeypatch):
    """Tables are None, counts are empty."""

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("dualwan.host.nfnetlink.Nfnetlink._received", refused)
    host, table = kernel.KernelHost(), TableId("ip", "t")
    assert host.table_names() is None
    assert host.ruleset_generation() is None
    assert host.counts(table, "refused") == ({}, {})
    monkeypatch.setattr(host, "_netlink", Looked())
    assert host.observe(Reads(tables=(table,))).tables is None


class Looked:
    """A machine with nothing on it."""

    def look(self, _devices):
        """Show no device."""
        return {}, [], []


@pytest.mark.parametrize(("routes", "rules"), [(True, False), (False, True)])
@pytest.mark.usefixtures("net")
def test_only_what_is_asked_for_is_read(monkeypatch, routes, rules):
    """Routes and rules each cost a request."""
    seen = Looked()
    seen.routes, seen.rules = lambda: [ROUTE], lambda: [RULE]
    monkeypatch.setattr(kernel, "NetlinkChanges", lambda: seen)
    found = kernel.KernelHost().observe(Reads(routes=routes, rules=rules, ipv6_default="wan0"))
    assert (found.routes, found.rules) == ((ROUTE,) * routes, (RULE,) * rules)
    assert not found.ipv6_default, "there is no wan0"


HANDED_ON = [
    ("any_answers", ("mape0", ["192.0.2.1"]), "ping.any_answers"),
    ("await_prefix", ("wan0", 3), "prefix.await_prefix"),
    ("ruleset_generation", (), "nft_handles.generation"),
    ("hang_up", ("peer", 3), "pppd.hang_up"),
    ("sessions", (), "processes.sessions"),
    ("resolve", ("gw.example.jp", "wan0"), "remote.resolver.stable_address"),
    ("fetch_provisioning", ("hb46pp", "wan0", None, 3), "remote.ask.ask"),
    ("save_answers", ("answers",), "answers.save"),
    ("load_answers", (), "answers.load"),
]


@pytest.mark.parametrize(("method", "arguments", "target"), HANDED_ON)
@pytest.mark.usefixtures("net")
def test_the_rest_is_handed_on(monkeypatch, method, arguments, target):
    """With the same words, and what is said comes back."""
    asked = []

    def hear(*given):
        asked.append(given)
        return "said"

    import_module(f"dualwan.host.{target.rpartition('.')[0]}")
    monkeypatch.setattr(f"dualwan.host.{target}", hear)
    said = getattr(kernel.KernelHost(), method)(*arguments)
    assert asked == [arguments]
    assert said == (None if method == "save_answers" else "said")


@pytest.mark.parametrize(
    ("method", "running", "handed_on"),
    [
        (("dial", "pppoe.peer"), 0, True),
        (("dial", "pppoe.peer"), 1, False),
        (("keep_one",), 1, False),
        (("keep_one",), 2, True),
    ],
)
@pytest.mark.usefixtures("net")
def test_pppd_is_left_alone_where_all_is_well(monkeypatch, method, running, handed_on):
    """What starts and ends programs is not even loaded then: there is no pppd module to ask."""
    name, *more = method
    named, other = Pppd(1, ("pppd", "call", "peer")), Pppd(2, ("pppd", "call", "another"))
    monkeypatch.setattr(kernel.processes, "pppds", lambda: [other, *[named] * running])
    monkeypatch.setattr(f"dualwan.host.pppd.{name}", lambda *given: given == ("peer", *more))
    assert getattr(kernel.KernelHost(), name)("peer", *more) is handed_on


@pytest.mark.usefixtures("net")
def test_the_run_state_is_the_run_directorys(tmp_path, monkeypatch):
    """Locked, saved and loaded where DUALWAN_RUN says."""
    monkeypatch.setenv("DUALWAN_RUN", str(tmp_path))
    host = kernel.KernelHost()
    with host.lock(1):
        host.save_state(RunState(wanted=True))
    assert host.load_state() == RunState(wanted=True)
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "state.json"}
    assert abs(host.now() - time.time()) < 5


def test_what_is_asked_of_others_is_handed_on(monkeypatch):
    """Prefixes and the evidence of a diagnosis."""
    monkeypatch.setattr(kernel.prefix, "prefixes", lambda _ipr, device: (f"{device}'s",))
    monkeypatch.setattr("dualwan.host.evidence.gather", lambda _ipr, inquiry: (inquiry,))
    host = kernel.KernelHost()
    monkeypatch.setattr(host._netlink, "_socket", object())  # noqa: SLF001 - none is opened
    assert host.prefixes("wan0") == ("wan0's",)
    assert host.evidence("asked") == ("asked",)

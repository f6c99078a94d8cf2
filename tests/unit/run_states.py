"""A run state that has something in each field."""

from dualwan.model.resources import Address
from dualwan.model.state import Health, Look, Role, RunState
from dualwan.model.usage import Losses

STATE = RunState(
    wanted=True,
    sysctls={"tunnel": {"net/ipv4/ip_forward": "0"}},
    addresses=(Address("wan0", "2001:db8::5"),),
    found=(Address("wan0", "2001:db8::6"),),
    tunnels=("mape0",),
    softwires={"mape": "192.0.2.18"},
    ces={"mape": "2001:db8::5"},
    sessions={"pppoe": "203.0.113.7"},
    interfaces={"pppoe": "ppp1"},
    numbers={"second": 2},
    routed=("203.0.113.8/29 pppoe", "203.0.113.9 pppoe 192.168.1.9"),
    notified={"fixed": "2001:db8::7"},
    notified_of={"mape": "0123456789ab", "fixed": "ba9876543210"},
    prefix="2001:db8::/56",
    routers=("fe80::1",),
    asked=("2001:db8:1::/64 fe80::1",),
    successor="2001:db8:2::/64",
    aftr="2001:db8:ffff::64",
    aftr_name="gw.example.jp",
    notified_ce="2001:db8::feed",
    health=Health(broken=True, streak=2, since=1000.5),
    tables=("t",),
    losses=Losses({"192.168.1.10": 3}, 2, 1),
    dialled=("dsl-provider",),
    findings=("hook-shadowed:0123456789ab",),
    version="0.2.0",
    applied='[wan]\ninterface = "wan0"\n',
    owed_flows=("203.0.113.7", "203.0.113.8/29"),
    owes_inbound_flows=True,
    owes_carried_flows=True,
    role=Role(active=True, asked=5),
    owed_solicitations=("wan0",),
    awaited=True,
    in_transition=True,
    generation=7,
    looked=Look(7, 1000.5),
)

"""Steps of a plan as rtnetlink tells others of them: there is always a default route."""

import json

import pytest
from line import SHARED

MONITOR = """\
import json
from pyroute2 import IPRoute
from dualwan.host.kernel import KernelHost
from dualwan.model.plan import diff
from dualwan.model.resources import Address, Route
from dualwan.host.rtnl import RTM_NEWROUTE

def routes(metrics):
    return [Route(254, "mape0", metric) for metric in metrics]

RTMGRP_IPV4_ROUTE = 0x40
host, there, seen = KernelHost(), {0}, []
for step in diff(routes([0]), []):
    host.apply(step)
with IPRoute() as heard:
    heard.bind(groups=RTMGRP_IPV4_ROUTE)
    heard.settimeout(1)
    for before, after in PLANS:
        for step in diff(after, before):
            host.apply(step)
    try:
        while True:
            for message in heard.get():
                if message["dst_len"] or message["table"] != 254:
                    continue
                metric = message.get_attr("RTA_PRIORITY") or 0
                new = message["header"]["type"] == RTM_NEWROUTE
                (there.add if new else there.discard)(metric)
                seen.append(sorted(there))
    except OSError:
        pass
print(json.dumps(seen))
"""
"""The plans, as Python."""
FAILOVER = "[(routes([0]), routes([4096])), (routes([4096]), routes([0]))]"
OTHER_ADDRESS = (
    f'[([Address("mape0", "{SHARED}"), *routes([0])], '
    '[Address("mape0", "192.0.2.19"), *routes([0])])]'
)


@pytest.mark.parametrize(("plans", "changes"), [(FAILOVER, 4), (OTHER_ADDRESS, 0)])
def test_a_listener_never_sees_main_without_a_default_route(bare, plans, changes):
    """A failover and the return from it; another address of the tunnel, whose routes stay."""
    line = bare()
    line.router.ip("route del default dev mape0")
    done = line.python(MONITOR.replace("PLANS", plans))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert len(seen) == changes
    assert all(seen), seen
    assert "default dev mape0 proto 217" in line.router.run("ip", "-N", "route", "show", "default")

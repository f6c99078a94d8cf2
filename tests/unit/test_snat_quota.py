"""The quota: whom it counts, and whom it refuses."""

import pytest
from machine import config

from dualwan.config.zones import Zone
from dualwan.line import derive_line
from dualwan.slices.snat import names
from dualwan.slices.snat.ports import pool
from dualwan.slices.snat.quota import Quota

GUESTS = Zone("guest", ("vlan20",), (), ("mape",), max_share=20)


@pytest.mark.parametrize("percent", [100, 50])
@pytest.mark.parametrize("zones", [(), (GUESTS,)])
def test_a_zone_has_its_share_whatever_a_host_may_have(percent, zones):
    """Flows are counted and refused as soon as a host's share or a zone's is not all."""
    softwire = derive_line(config()).softwire
    quota = Quota(pool(str(softwire.ipv4), softwire.port_set), percent, zones)
    chains = {block.name for block in quota.chains("mape0", ("wan0",))}
    sets = {block.name for block in quota.sets()}
    refused = percent < 100 or bool(zones)
    assert ({names.QUOTA_EXCEEDED.name, names.REFUSE.name} <= chains) == refused
    assert (names.REFUSED in sets) == refused
    assert (names.HELD_ZONE.format("tcp", "guest") in sets) == bool(zones)
    assert (names.QUOTA_ROUTED.name in chains) == (percent < 100)
    assert bool(quota.rules()) == refused

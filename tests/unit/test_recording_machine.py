"""What is noted of a machine while a plan asks it."""

from dualwan.host.fake import FakeHost
from dualwan.recording.machine import Recorder


def test_the_answers_of_two_routers_are_noted_side_by_side():
    """MAP-E and a further way may ask the routers of two devices."""
    host = FakeHost()
    host.announced_by_router = {"wan0": ("2001:db8:1::/64",), "wan1": ("2001:db8:2::/64",)}
    recorder = Recorder(host)
    found = {device: recorder.router_prefixes(device) for device in ("wan0", "wan1")}
    assert recorder.recording.announced == found == host.announced_by_router

"""A hundred reconnects with another address each leave no growth, nor does the watcher grow."""

from contextlib import closing
from pathlib import Path

import pytest
from faulty import Injected
from line import CONFIG, SERVERS
from space import until
from watching import Watching

from dualwan.model.event import Event

RECONNECTS, WARM_UP = 100, 10
GROWTH_KB = 1000


def addresses():
    """Yield the address of each session."""
    for number in range(RECONNECTS):
        yield f"203.0.113.{100 + number}"


def tracked(line):
    """Return the sources of the flows in conntrack's table."""
    listed = line.router.run("conntrack", "-L", check=False).splitlines()
    return [word.removeprefix("src=") for one in listed for word in one.split() if "src=" in word]


def size(line, watcher):
    """Return how much there is of everything, by name."""
    folder, router = line.run_directory, line.router
    return {
        "links": len(router.run("ip", "-o", "link").splitlines()),
        "addresses": len(router.run("ip", "-o", "-4", "address").splitlines()),
        "rules": len(router.run("ip", "rule").splitlines()),
        "routes": len(router.run("ip", "route", "show", "table", "all").splitlines()),
        "nft": len(router.run("nft", "list", "ruleset").splitlines()),  # with all elements
        "files": sorted(str(one.relative_to(folder)) for one in folder.rglob("*")),
        "state": (folder / "state.json").stat().st_size,
        "open files": len(list(Path(f"/proc/{watcher.pid}/fd").iterdir())),
    }


@pytest.mark.slow
def test_a_hundred_reconnects(line, record_property):
    """Each with a flow that knows its address, and a watcher that looks at all of it."""
    line.hook()  # all slices: the tunnel's name is taken, the rest stands
    with (
        closing(Injected(line, CONFIG, tunnel=False)) as router,
        closing(Watching(line)) as watcher,
    ):
        sizes, memory = [], []
        for number, address in enumerate(addresses()):
            router.connect(address)
            router.clean(Event.PPP_UP)
            with line.router.udp(address) as own:
                own.sendto(b"", (SERVERS[0], 53))
            if number in {WARM_UP, RECONNECTS - 1}:
                assert until(watcher.is_idle)
                sizes.append(size(line, watcher))
                memory.append(watcher.resident())
        assert sizes[1] == sizes[0]
        record_property("resident", memory)
        print(f"the watcher's memory: {memory[0]} to {memory[1]} KB")
        assert memory[1] - memory[0] < GROWTH_KB
        ended = {*addresses()} - {address}
        assert not ended & set(tracked(line))
        assert address in tracked(line)
        assert router.line.settled()

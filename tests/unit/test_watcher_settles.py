"""When a look of the watcher is followed by another at once."""

from machine import BASE, Machine, config, run

from dualwan.model.event import Event
from dualwan.watcher import Carried, Look


def test_what_was_not_followed_yet_is_looked_at_twice(tmp_path):
    """A sysctl may have been written by another program before the watcher listened for it."""
    path = tmp_path / "dualwan.toml"
    path.write_text(BASE)
    machine = Machine("wan0", "lan0")
    run(machine, config(), Event.APPLY)
    carried = Carried(line=machine.line_state("wan0"), line_due=False)
    for seconds in (0, None, None):
        looked = Look(carried, path, machine, ()).run()
        assert looked.seconds == seconds
        carried = looked.carried

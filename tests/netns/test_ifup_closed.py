"""Real ifup with a wrong configuration, a package that is broken, and a kernel without nft."""

import pytest
from hooked import ABORTING, IMPORTABLE, REFUSING, UNIMPORTABLE, Hooked
from ifup import FOLDERS, Ifup
from line import CONFIG

STANZAS = "iface wan0 inet manual\niface lan0 inet manual\n"
PROGRAMS = ("ifupdown", "ifupdown-ng", "ifupdown2")
WRONG = CONFIG.replace("psid = 1", "psid = 64")


class Router:
    """A router whose network a package runs, with hooks that can be broken."""

    def __init__(self, line, package):
        self.line = line
        self.ifup, self.hooks = Ifup(line, package, STANZAS), Hooked(line)
        self.install()

    def install(self, prologue=IMPORTABLE, more=""):
        """Write the hooks; ifup is the caller here, not the test."""
        for folder in FOLDERS:
            hook = self.ifup.network / folder / "00dualwan-hook"
            hook.write_text(self.hooks.text("ifupdown", prologue, more))

    def run(self, name, *arguments):
        """Run ifup or ifdown; return the exit code and what it said."""
        done = self.ifup.attempt(*self.ifup.argv(name, *arguments))
        return done.returncode, done.stdout + done.stderr

    def is_up(self, interface="wan0"):
        """Whether the kernel has it up."""
        shown = self.line.router.run("ip", "-br", "link", "show", "dev", interface)
        return ",UP" in shown

    def is_static(self):
        """Whether the table is loaded that needs no configuration."""
        return "chain closed" in self.line.router.run(
            "nft", "list", "table", "inet", "dualwan_firewall", check=False
        )


@pytest.fixture(name="router")
def _router(bare):
    """Return a function that makes a router whose WAN is down."""

    def make(package="ifupdown"):
        line = bare()
        line.router.ip("link del ppp0\nlink set wan0 down\nlink set lan0 down")
        return Router(line, package)

    return make


@pytest.mark.parametrize("package", PROGRAMS)
@pytest.mark.parametrize("broken", ["configuration", "package", "libnftables"])
def test_it_comes_up_closed(router, package, broken):
    """Each program that runs the hooks; the LAN as ever, and the firewall when all is mended."""
    made = router(package)
    if broken == "configuration":
        made.line.config.write_text(WRONG)
    else:
        made.install(*((UNIMPORTABLE,) if broken == "package" else (IMPORTABLE, ABORTING)))
    assert made.run("ifup", "lan0")[0] == 0
    assert made.line.tables() == []
    code, said = made.run("ifup", "wan0")
    assert (code, made.is_up()) == (0, True), said
    assert made.is_static()
    made.line.config.write_text(CONFIG)
    made.install()
    made.line.apply()
    assert not made.is_static()
    assert made.line.settled()
    assert made.run("ifdown", "wan0")[0] == 0
    assert made.line.tables() == []


@pytest.mark.parametrize("broken", ["package", "kernel"])
def test_it_stays_down_where_nothing_can_close_it(router, broken):
    """`ifup` says so and fails; after a reboot, or when the package is whole, it comes up."""
    made = router()
    made.hooks.use_nft("refusing")
    made.install(*((UNIMPORTABLE,) if broken == "package" else (IMPORTABLE, REFUSING)))
    assert made.run("ifup", "lan0")[0] == 0
    assert made.is_up("lan0")
    code, said = made.run("ifup", "wan0")
    assert code != 0
    assert "the machine cannot be closed: Error: Could not process rule" in said
    assert not made.is_up()
    assert made.line.tables() == []
    made.hooks.use_nft("well")
    made.install()
    assert made.run("ifup", "wan0")[0] == 0
    assert made.is_up()
    assert not made.is_static()


def test_a_removed_package_keeps_no_interface_down(router):
    """A hook that somebody has copied is there, and nothing else of it."""
    made = router()
    made.install(UNIMPORTABLE)
    (made.hooks.folder / "close").unlink()
    for interface in ("lan0", "wan0"):
        assert made.run("ifup", interface)[0] == 0
        assert made.is_up(interface)
    assert made.line.tables() == []

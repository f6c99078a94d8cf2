"""A router whose WANs come up as ifup has them, with something to find behind it."""

from contextlib import suppress

from line import CONFIG, PPPOE, ROUTER, SHUT
from scenes import OUTSIDE6
from space import until

DEVICES = ("ppp0", "mape0", "wan0")
# Something listens at each, so that there are answers to be missed.
PORTS = (22, 80, 111, 139, 443, 445, 3306, 5432, 8081)
BROKEN = {
    "no TOML": CONFIG.replace("[lan]", "[lan"),
    "an unknown key": CONFIG.replace("psid = 1", "psidd = 1"),
    "a value that is wrong": CONFIG.replace("psid = 1", "psid = 64"),
    "cut off": CONFIG[: CONFIG.index("[mape]") + 20],
}


def links(line, state):
    """Let WANs go up, with their addresses and routes, or down."""
    for device in DEVICES:
        line.router.run("ip", "link", "set", device, state)
    line.router.run("ip", "address", "flush", "dev", "ppp0")
    if state == "up":
        line.router.ip(f"""
            address replace {PPPOE}/32 dev ppp0
            route replace default dev mape0
            address replace 2001:db8:2::2/64 dev wan0 nodad
            route replace default via {OUTSIDE6} dev wan0
        """)


def ifup(hooks):
    """Bring the WANs up as ifup does; return whether they are, and what the hooks have said."""
    code, said = hooks.run("pre-up")
    if code == 0:
        links(hooks.line, "up")
        later, more = hooks.run("up")
        assert later == 0, more
        said += more
    return code == 0, said


def ifdown(hooks):
    """Take the WANs down as ifdown does."""
    for phase in ("down", "post-down"):
        code, said = hooks.run(phase)
        assert code == 0, said
        if phase == "down":
            links(hooks.line, "down")


def is_static(line):
    """Whether the table is loaded that needs no configuration."""
    return "chain closed" in line.router.run(
        "nft", "list", "table", "inet", "dualwan_firewall", check=False
    )


def falls(rain):
    """Wait until it has rained on what is up for a moment."""
    before = rain.sent
    assert until(lambda: rain.sent > before + 1000)


def lan_reaches(line, address=ROUTER):
    """Whether the LAN reaches a service of the router."""
    with suppress(OSError):
        line.lan.connect(address, 22, timeout=SHUT).close()
        return True
    return False

"""[way.NAME] as text: sessions of PPPoE beside the first one."""

from machine import BASE


def session(name, unit):
    """Return the table of a PPPoE session with an interface of that unit."""
    return f'[way.{name}]\ntype = "pppoe"\npeer = "peer-{name}"\ninterface = "ppp{unit}"\n'


def many(*names):
    """Return a configuration with these sessions, from ppp1 on."""
    return BASE + "".join(session(name, unit) for unit, name in enumerate(names, 1))


NAMES = ("a", "b", "c", "d", "e", "f")

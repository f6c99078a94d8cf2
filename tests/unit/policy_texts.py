"""[[policy]] as text, and configurations that have some."""

import json

from machine import BASE, config

LANS = BASE.replace('["lan0"]', '["lan0", "br-*"]')


def policy(way="pppoe", **keys):
    """Return a [[policy]] as text; keys are texts, numbers and lists."""
    lines = (f"{key} = {json.dumps(value)}" for key, value in keys.items())
    return "\n".join((f'[[policy]]\nway = "{way}"', *lines, ""))


def having(*texts, base=LANS):
    """Return the configuration with these policies."""
    return config(base + "".join(texts))

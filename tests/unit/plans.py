"""What slices plan, as a test reads it."""

import re

from machine import config, wanted_tables

FIREWALL, SNAT, PBR = wanted_tables(config())


def shown(plan):
    """Return the steps of PLAN that do something, as its lines."""
    return [f"{step.sign} {step.text}" for step in plan.changes]


def lines(text, chain):
    """Return the lines of CHAIN in the nft TEXT, without what is said about them."""
    body = re.search(rf"chain {chain} {{\n(.*?)\n\t}}", text, re.DOTALL)[1]
    said = [re.sub(r'(^| )comment "[^"]*"$', "", line.strip()) for line in body.splitlines()]
    return [line for line in said if line]

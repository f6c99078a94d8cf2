"""Configurations of addresses that are routed to a way, as they are and one to one."""

import re

from machine import BASE

BLOCK = "203.0.113.128/29"
IPIP = """
[way.fixed]
type = "ipip"
br = "2001:db8:ffff::1"
ce = "2001:db8:0:100::feed"
ipv4 = "192.0.2.30"
"""
OF_IPIP = re.sub(
    r"provider.*psid-length = 6\n",
    'mode = "ipip"\nbr = "2001:db8:ffff::9"\nce = "2001:db8:0:100::1"\nipv4 = "192.0.2.18"\n'
    'addresses = ["203.0.113.128/29"]\none-to-one = { "203.0.113.131" = "192.168.1.10" }\n',
    BASE,
    flags=re.DOTALL,
)


def routed(networks=f'["{BLOCK}"]', more="", text=BASE):
    """Return a configuration of which the last way has these networks."""
    return f"{text}addresses = {networks}\n{more}\n"


def one_to_one(pairs, **options):
    """Return a configuration with these pairs."""
    return routed(more=f"one-to-one = {{ {pairs} }}", **options)

"""`ipsec = "accept"`: what IPsec has decrypted comes in, and what it will encrypt is left alone."""

import pytest
from machine import BASE, config, wanted_of, wanted_tables
from plans import lines

from dualwan.slices import firewall, pbr, snat

ACCEPTED = config(BASE + '[firewall]\nipsec = "accept"\n')
IN, OUT = "meta ipsec exists accept", "rt ipsec exists accept"


def test_by_default_no_rule_asks_for_it():
    """A kernel without xfrm refuses the words, and needs none."""
    assert not any("ipsec" in table.source() for table in wanted_tables(config()))


@pytest.mark.parametrize(
    ("chain", "rule", "before"),
    [
        ("prerouting", IN, "iifname vmap"),
        ("input", IN, 'iifname { "lan0" } goto lan_flows'),
        ("forward", IN, "th dport { 135"),
        ("forward", f'iifname {{ "lan0" }} {OUT}', "th dport { 135"),
        ("output", OUT, "jump to_wan"),
    ],
)
def test_the_firewall_accepts_it(chain, rule, before):
    """Before sources are checked, and before Windows file sharing is dropped."""
    found = lines(wanted_of(firewall, ACCEPTED).source(), chain)
    assert found.index(rule) < next(at for at, line in enumerate(found) if before in line)


def test_it_is_not_translated():
    """Before the port set and the masquerade, by the egress filter, and by ppp0's."""
    text = wanted_of(snat, ACCEPTED).source()
    assert lines(text, "postrouting")[1] == OUT
    egress = lines(text, "egress_filter")
    assert egress.index('oifname != "mape0" accept') + 1 == egress.index(OUT)
    dropped = "fib saddr . oif type != local rt ipsec missing counter name misplaced drop"
    assert dropped in lines(wanted_of(pbr, ACCEPTED).source(), "out_pppoe")


@pytest.mark.parametrize("mode", ['mode = "ds-lite"\naftr = "2001:db8::9"', None])
def test_in_other_modes_too(mode):
    """DS-Lite, and a line that is not known yet, have a filter of their own."""
    text = BASE[: BASE.index("[mape]")] + f'[mape]\n{mode or ""}\n[firewall]\nipsec = "accept"\n'
    egress = lines(wanted_of(snat, config(text)).source(), "egress_filter")
    assert egress[2] == OUT

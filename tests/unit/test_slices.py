"""What all slices with a table have in common."""

from dataclasses import replace

import pytest
from machine import config, plan_of
from plans import FIREWALL, PBR, SNAT

from dualwan.model.observed import Observed
from dualwan.model.resources import Address
from dualwan.nft.table import NftTable
from dualwan.slices import firewall, pbr, snat


@pytest.mark.parametrize(("module", "wanted"), [(firewall, FIREWALL), (snat, SNAT), (pbr, PBR)])
def test_a_table_is_loaded_left_or_taken_away(module, wanted):
    """Absent: +; as loaded: =; changed by somebody: ~; not wanted: -; nothing there: nothing."""
    there, edited = (Observed(tables=(item,)) for item in (wanted, replace(wanted, intact=False)))

    def sign(seen, up):
        return [
            step.sign
            for step in plan_of(module, config(), seen, up).steps
            if isinstance(step.resource, NftTable)
        ]

    assert sign(Observed(), True) == ["+"]
    assert sign(there, True) == ["="]
    assert sign(edited, True) == ["~"]
    assert sign(there, False) == ["-"]
    assert sign(Observed(), False) == []


@pytest.mark.parametrize("module", [firewall, snat, pbr])
def test_what_nft_does_not_show_is_said(module):
    """Without root the plan is what would be loaded, with a word that it was not seen."""
    plan = plan_of(module, config(), Observed(tables=None), True)
    assert [step.sign for step in plan.steps if isinstance(step.resource, NftTable)] == ["+"]
    assert plan.unobserved == (f"{module.NAME}: nft shows its tables to root only",)


@pytest.mark.parametrize("module", [firewall, snat, pbr])
def test_other_tables_are_not_looked_at(module):
    """A table of another name is none of ours, whatever it holds."""
    foreign = NftTable("inet", "filter")
    assert not plan_of(module, config(), Observed(tables=(foreign,)), False).steps


def test_no_table_names_the_pppoe_address():
    """What names no address needs no mending when PPPoE comes back with another."""
    seen = Observed(addresses=(Address("ppp0", "203.0.113.7"),))
    for module, table in ((firewall, FIREWALL), (snat, SNAT), (pbr, PBR)):
        steps = plan_of(module, config(), seen, True).steps
        assert [item.resource for item in steps if isinstance(item.resource, NftTable)] == [table]


@pytest.mark.parametrize(("module", "wanted"), [(firewall, FIREWALL), (snat, SNAT), (pbr, PBR)])
def test_a_slice_says_whether_packets_fill_its_table(module, wanted):
    """Of such a table nft 1.0.6 reads all elements (0.3 s for 20,000) unless asked otherwise."""
    assert module.SLICE.table.dynamic == wanted.dynamic

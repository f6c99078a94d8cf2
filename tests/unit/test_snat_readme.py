"""README.md of the snat slice: each name and figure in it is the program's."""

from pathlib import Path

from machine import config

from dualwan.line import derive_line
from dualwan.slices import snat
from dualwan.slices.snat import names
from dualwan.slices.snat.allocate import FEW
from dualwan.slices.snat.ports import pool
from dualwan.slices.snat.quota import Quota

README = Path(snat.__file__).with_name("README.md").read_text()


def test_the_readme_names_every_chain_and_set():
    """Those of names.py, and no others."""
    known = {one.name for one in vars(names).values() if isinstance(one, names.Chain)}
    known -= {names.PROBE.name, names.PROBES.name}  # DRAW and NEXT have one each
    known |= {
        value for key, value in vars(names).items() if key.isupper() and isinstance(value, str)
    }
    ways = (names.SESSION_INBOUND.name, names.SESSION_HAIRPIN.name, names.EGRESS_OF_WAY.name)
    stands_for = {**dict.fromkeys(ways, "W"), names.QUOTA_ZONE.name: "Z"}
    for name in known:
        shown = name.format("P", "N") if name == names.TAKES.name else name
        shown = name.format("P", "Z") if name == names.HELD_ZONE else shown
        assert f"`{shown.replace('{}', stands_for.get(name, 'P'))}`" in README, name


def test_the_example_of_the_readme_is_true():
    """Ports and limits of the worked example."""
    made = config()
    softwire = derive_line(made).softwire
    ports = pool(str(softwire.ipv4), softwire.port_set)
    quota = Quota(ports, made.mape.max_share)
    assert f"{len(ports.ports)} ports in {len(ports.blocks)} blocks of 16" in README
    assert f"{made.mape.max_share} %, which is {quota.limit}" in README
    assert f"flow {quota.limit + 1} is answered" in README
    assert f"the first {FEW} draws" in README
    assert 0x9412 in ports.ports
    assert str(softwire.ipv4) in README

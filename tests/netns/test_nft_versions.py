"""Whether a table is ours and unchanged does not hang on how a version of nft prints it.

What a program changes in a table is seen, whatever it is; what packets change is not.
"""

import json
import signal
from contextlib import suppress

import pytest
from line import PPPOE, SERVERS, named

from dualwan.host import nft_handles
from dualwan.model.observed import TableId
from dualwan.slices import ALL

SNAT, FIREWALL, PBR = "ip dualwan_snat", "inet dualwan_firewall", "ip dualwan_pbr"
TABLES = (SNAT, FIREWALL, PBR)
# Each as a person may type it.
EDITS = {
    "a rule added": f"add rule {FIREWALL} input accept",
    "a rule inserted": f"insert rule {PBR} leaving accept",
    "a chain flushed": f"flush chain {PBR} leaving",
    "a policy": f"chain {FIREWALL} input {{ policy accept; }}",
    "a chain added": f"add chain {SNAT} another",
    "the chain of the stamp deleted": f"delete chain {SNAT} loaded",
    "a set added": f"add set {SNAT} another {{ type ipv4_addr; }}",
    "a dynamic set added": f"add set {SNAT} another {{ type ipv4_addr; size 9; flags dynamic; }}",
    "a counter added": f"add counter {SNAT} another",
    "dormant": f"add table {FIREWALL} {{ flags dormant; }}",
    "deleted": f"delete table {PBR}",
    "flushed": f"flush table {SNAT}",
}
# A nft that lists nothing in the words of any that is known.
FUTURE = """\
import sys
from dualwan.cli import main
from dualwan.host.nft import Nft
def listing(*_):
    raise AssertionError("nft was asked to list a table")
Nft.listing = listing
sys.exit(main(sys.argv[1:]))
"""
KILLED = """\
import os, sys
from dualwan.cli import main
from dualwan.host import records
from dualwan.host.nft import Nft
load = Nft.load
def kill(*_):
    os.kill(os.getpid(), 9)
def load_and_die(nft, table, old):
    load(nft, table, old)
    if table.name == "dualwan_snat":
        kill()
if sys.argv.pop(1) == "before":
    Nft.load = kill
else:
    Nft.load = load_and_die
sys.exit(main(sys.argv[1:]))
"""
RELOADED = """\
import sys
from dualwan.host import records
from dualwan.host.nft import Nft
from dualwan.host.tables import _stamped
from dualwan.model.observed import TableId
record = records.load(TableId(*sys.argv[1:]))
Nft().load(_stamped(record.table, f"by dualwan-hook, {record.stamp}"), None)
"""
EARLIER = """\
import json
from dualwan.host import records, run_files
from dualwan.host.nft import Nft
from dualwan.slices import ALL
nft = Nft()
for table in (one.table for one in ALL if one.table):
    path = run_files.directory() / "tables" / f"{table.name}.json"
    if not path.exists():  # the flowtable, which nobody has asked for
        continue
    listing = nft.listing(table.family, table.name, table.dynamic)
    blocks = json.loads(path.read_text())["blocks"]
    path.write_text(json.dumps({"blocks": blocks, "listing": records.digest(listing)}))
(run_files.directory() / "seen.json").unlink()
"""


def items(line, table, kind):
    """Return the objects of one kind in a table, as nft lists them in JSON."""
    listed = line.table(*table.split())["nftables"]
    return [item[kind] for item in listed if kind in item]


def look(line, *tables):
    """Return what tells whether each of ``tables`` is unchanged."""
    asked = [TableId(*table.split()) for table in tables or TABLES]
    return line.router.call(nft_handles.look, asked)[1]


def mappings(line):
    """Return the UDP ports that the map of the snat table has learned, by inner endpoint."""
    listed = line.router.run("nft", "-j", "list", "map", *SNAT.split(), "udp_mappings")
    found = next(item["map"] for item in json.loads(listed)["nftables"] if "map" in item)
    return {tuple(key["elem"]["val"]["concat"]): port for key, port in found.get("elem", ())}


def send(line, count=8):
    """Let the LAN open flows, and others knock; packets fill sets and counters."""
    for port in range(count):
        line.lan.udp().sendto(b"", (SERVERS[0], 5000 + port))
    for address in SERVERS:
        knocking = line.internet.udp(address)
        for port in (22, 443, 5000):
            with suppress(OSError):
                knocking.sendto(b"", (PPPOE, port))
        client = line.internet.open_socket(timeout=0)
        client.bind((address, 0))
        with suppress(BlockingIOError):
            client.connect((PPPOE, 22))
    assert mappings(line)


# --- what a program changes -------------------------------------------------------------------


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_a_person_changes_is_seen_and_mended(line, edit):
    """The next run loads that table anew, and the one after it has nothing to do."""
    assert line.settled()
    line.router.nft(edit)
    assert not line.settled()
    line.apply()
    assert line.settled()


@pytest.mark.parametrize("table", TABLES)
def test_each_rule_counts(line, table):
    """The first and the last of each chain, deleted one at a time: another table each time."""
    seen = [look(line, table)]
    for chain in items(line, table, "chain"):
        handles = [
            rule["handle"] for rule in items(line, table, "rule") if rule["chain"] == chain["name"]
        ]
        for handle in {*handles[:1], *handles[-1:]}:
            line.router.nft(f"delete rule {table} {chain['name']} handle {handle}")
            assert look(line, table) not in seen, (chain["name"], handle)
            seen.append(look(line, table))
    assert len(seen) > 2
    assert not line.settled()


@pytest.mark.parametrize("table", TABLES)
def test_the_same_text_loaded_by_another_program_is_not_ours(line, table):
    """As `nft -f` of a saved ruleset does: what packets had put into its sets is gone."""
    done = line.python(RELOADED, *table.split())
    assert done.returncode == 0, done.stderr
    assert not line.settled()
    line.apply()
    assert line.settled()


def test_an_element_that_a_person_adds_or_deletes_is_seen(line):
    """Of a set that no packet fills; in whatever order the kernel has them then."""
    line.router.nft(f"add set {PBR} hosts {{ type ipv4_addr; }}")
    line.router.nft(f"add element {PBR} hosts {{ 192.0.2.1, 192.0.2.3, 192.0.2.7 }}")
    before = look(line)
    line.router.nft(f"add element {PBR} hosts {{ 192.0.2.2 }}")
    assert look(line) != before
    line.router.nft(f"delete element {PBR} hosts {{ 192.0.2.2 }}")
    assert look(line) == before
    line.router.nft(f"delete element {PBR} hosts {{ 192.0.2.1 }}")
    line.router.nft(f"add element {PBR} hosts {{ 192.0.2.1 }}")
    assert look(line) == before


# --- what it does not -------------------------------------------------------------------------


def test_packets_change_nothing(line):
    """They fill sets and maps, count, and are guarded against; each table stays as it was."""
    before = look(line)
    send(line)
    assert look(line) == before
    assert line.settled()
    known = mappings(line)
    line.apply()
    assert mappings(line) == known


def test_what_nft_prints_does_not_matter(line):
    """A nft that lists tables in words nobody has seen yet harms nothing."""
    send(line)
    known = mappings(line)
    for options in (["--dry-run", "--exit-code"], [], ["--dry-run", "--exit-code"]):
        done = line.python(FUTURE, *options, *named(("firewall", "snat", "pbr")))
        assert done.returncode == 0, done.stdout + done.stderr
    assert mappings(line) == known


def test_what_others_do_with_their_tables_does_not_matter(line):
    """The ruleset has another generation each time, and our tables are what they were."""
    before = look(line)
    for number in range(3):
        line.router.nft(f"add table ip other{number}\nadd chain ip other{number} a")
        assert line.settled()
        line.apply()
    line.router.nft(f"reset counters table {SNAT}")
    assert look(line) == before


def test_devices_that_go_or_are_renamed_change_nothing(line):
    """A rule has the number of its device; nft lists the name that it has now, or the number."""
    before = look(line)
    line.router.ip("link set lan0 down\nlink set lan0 name lan7\nlink set lan7 up")
    assert look(line) == before
    line.router.ip("link del lan7")
    assert look(line) == before


# --- what outlives a version and a crash ------------------------------------------------------


def test_a_record_of_an_earlier_version_is_taken_over(line):
    """It has what nft listed then; no table is loaded anew, nor is nft asked a second time."""
    send(line)
    done = line.python(EARLIER)
    assert done.returncode == 0, done.stderr
    before, known = look(line), mappings(line)
    assert line.settled()
    line.apply()
    assert line.python(FUTURE, *named(("firewall", "snat", "pbr"))).returncode == 0
    assert look(line) == before
    assert mappings(line) == known


def test_a_run_that_is_killed_after_a_load_has_recorded_it(line):
    """The next one knows the table by its stamp; it says nothing, and loads nothing anew."""
    line.config.write_text(
        line.config.read_text() + '\n[[forward]]\nvia = "mape"\n'
        'protocol = "tcp"\nport = 5136\nto = "192.168.1.10:80"\n'
    )
    send(line)
    assert line.python(KILLED, "after", *named(("snat",))).returncode == -signal.SIGKILL
    before, known = look(line, SNAT), mappings(line)
    assert known
    done = line.hook(*named(("snat",)))
    assert (done.returncode, done.stderr) == (0, "")
    assert look(line, SNAT) == before
    assert mappings(line) == known
    line.router.nft("add table ip other")
    assert line.settled("snat")


def test_a_run_that_is_killed_before_a_load_has_done_nothing(line):
    """What stands is what was recorded."""
    line.config.write_text(
        line.config.read_text() + '\n[[forward]]\nvia = "mape"\n'
        'protocol = "tcp"\nport = 5136\nto = "192.168.1.10:80"\n'
    )
    send(line)
    known = mappings(line)
    assert line.python(KILLED, "before", *named(("snat",))).returncode == -signal.SIGKILL
    line.apply("snat")
    assert line.settled("snat")
    assert mappings(line) == known


def test_a_table_that_was_edited_after_its_run_was_killed_is_loaded_anew(line):
    """Nobody can tell what has been changed in it."""
    line.router.nft(f"flush table {SNAT}")
    assert line.python(KILLED, "after", *named(("snat",))).returncode == -signal.SIGKILL
    line.router.nft(f"add rule {SNAT} postrouting drop")
    assert not line.settled("snat")
    line.apply("snat")
    assert line.settled("snat")


def test_every_table_of_ours_is_looked_at():
    """A slice that is added has its table here too; no earlier version had a flowtable."""
    ours = {f"{one.table.family} {one.table.name}" for one in ALL if one.table}
    assert ours == {*TABLES, "inet dualwan_offload"}

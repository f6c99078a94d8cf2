"""Each row of the policy matrix, with real packets against the rules as they are applied."""

import pytest
from field import Field
from policy import configuration, judge, rows

MATRIX = rows()


@pytest.fixture(name="verdicts", scope="module")
def _verdicts(tmp_path_factory):
    """Return a function that says what became of the rows of a setup."""
    known = {}

    def of(setup):
        if setup not in known:
            field = Field(tmp_path_factory.mktemp(setup), configuration(setup))
            try:
                field.apply()
                known[setup] = judge(field, [row for row in MATRIX if row.setup == setup])
            finally:
                field.close()
        return known[setup]

    return of


@pytest.mark.parametrize("row", MATRIX, ids=[row.name for row in MATRIX])
def test_the_row(row, verdicts):
    """The packet meets with what the row says, and arrives as it says, and nowhere else."""
    result, seen_as = verdicts(row.setup)[row.name]
    assert (result, seen_as) == (row.result, row.seen_as), row.text


def test_without_the_firewall_the_matrix_fails(tmp_path):
    """The field sees what gets through: with the firewall taken away, the closed is open."""
    field = Field(tmp_path, configuration("default"))
    try:
        field.apply()
        field.router.run("nft", "delete", "table", "inet", "dualwan_firewall")
        of_default = [row for row in MATRIX if row.setup == "default"]
        verdicts = judge(field, of_default)
    finally:
        field.close()
    shut = [row for row in of_default if row.result in ("drop", "reset")]
    through = [row for row in shut if verdicts[row.name][0] == "accept"]
    assert len(through) > len(shut) / 2

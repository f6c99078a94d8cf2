"""When an answer of a provisioning source is news that a person is told."""

import pytest
from asked_line import GOOD, ORIGIN, OTHER, PREFIX
from machine import Machine

from dualwan.config import from_text
from dualwan.line.provisioning.cache import AnswerCache, Entry
from dualwan.line.provisioning.refresh import refresh

TEXT = """\
[wan]
interface = "wan0"
[lan]
interfaces = ["lan0"]
[mape]
provider = "auto"
provisioning = ["hb46pp"]
"""


@pytest.mark.parametrize(
    ("earlier", "news"),
    [
        ("{", 1),  # what cannot be read any more
        (GOOD.replace("2001:db8:1:2000::/52", "2001:db8:ff00::/52"), 1),  # of another line
        (OTHER, 1),
        (GOOD, 0),
    ],
)
def test_an_answer_with_other_parameters_is_news(tmp_path, earlier, news):
    """Also one in place of an answer that has none for this line."""
    host = Machine("wan0", "lan0")
    host.announced, host.clock = {"wan0": (PREFIX,)}, 10**6
    host.answers = {"hb46pp": (ORIGIN, host.clock, GOOD)}
    host.cache = AnswerCache().with_entry("hb46pp", Entry(ORIGIN, 0, PREFIX, earlier))
    told = refresh(from_text("dualwan.toml", TEXT, tmp_path), host, on_request=True)
    assert host.asked == ["hb46pp"]
    assert len(told) == news

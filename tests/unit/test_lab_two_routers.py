"""What the lab's two routers are made of: cables, the wire to them, the page's files, outages."""

import os
import time

import pytest
from guest import prepare_router, wire
from guest.addresses import CE
from guest.cables import CABLES, ROUTERS, card, mac
from guest.outage import Outage
from guest.traffic import NoAnswerError
from two_routers_page import files

from dualwan.config import from_text
from dualwan.config.router import Router


@pytest.fixture(name="looped")
def _looped(tmp_path, monkeypatch):
    """Return a wire that hears what it says, and its file."""
    os.mkfifo(tmp_path / "port")
    monkeypatch.setattr(wire, "PORTS", tmp_path)
    return wire.Wire("port"), tmp_path / "port"


def test_each_card_has_a_link_address_of_its_own():
    """Each router has a WAN, a LAN and a cable to the other; the line has four cards."""
    cards = [card(cable, guest) for cable in CABLES for guest in cable.ends]
    assert len({mac(one) for one in cards}) == len(cards) == 10
    for guest, kinds in ((ROUTERS[0], {"wan", "lan", "sync"}), ("line", {"wan", "lan"})):
        assert {cable.kind for cable in CABLES if guest in cable.ends} == kinds


def test_a_line_that_a_power_cut_has_cut_is_no_message(looped):
    """The one after it is heard, and so is one of another kind of JSON not."""
    end, port = looped
    end.say({"id": 1})
    with port.open("wb", buffering=0) as other:
        other.write(b'[2]\n{"id": 2, "argv": ["sys')
    end.say({"id": 3, "argv": ["ä" * 500]})
    assert [end.hear(5), end.hear(5)] == [{"id": 1}, {"id": 3, "argv": ["ä" * 500]}]
    assert end.hear(0.01) is None


@pytest.mark.parametrize("router", ROUTERS)
def test_the_page_with_mape_of_the_line_is_a_configuration(router):
    """Only [mape] is another."""
    text = files(router)["/etc/dualwan/dualwan.toml"]
    changed = from_text("dualwan.toml", prepare_router.of_this_line(text))
    assert changed.router == Router(redundant=True)
    assert str(changed.mape.manual.ce) == CE
    assert changed.lan == from_text("dualwan.toml", text).lan


def test_an_outage_is_the_longest_time_between_two_answers():
    """One that began before what happened counts, and what was before that does not."""
    found = Outage()
    found.answers = [(one, one - 0.1) for one in (1.0, 5.0, 5.2, 8.2, 8.3, 8.4)]
    assert found.longest(5.1) == pytest.approx(3.0)
    assert found.longest(8.25) == pytest.approx(0.1)


def test_an_answer_to_an_earlier_question_is_none_to_a_later_one():
    """What is waited for was asked after the wait began; of two that are asked one is enough."""
    silent = []

    def answers():
        time.sleep(0.05)

    def is_silent():
        silent.append(1)
        raise NoAnswerError

    with Outage(answers, is_silent) as outage:
        outage.wait_for_answer(20)
        began = time.monotonic()
        outage.wait_for_answer(20)
    assert any(asked >= began for _, asked in outage.answers)
    assert silent

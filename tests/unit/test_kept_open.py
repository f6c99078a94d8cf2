"""Questions to netfilter share a socket while a run holds the lock."""

import errno
import struct
import threading

import pytest
from nf_messages import Kernel, end, refusal

from dualwan.host import nfnetlink
from dualwan.host.nfnetlink import GET_TABLE, Nfnetlink, kept_open


@pytest.fixture(name="opened")
def _opened(monkeypatch):
    """Return the sockets that are opened, each to a kernel that answers three times."""
    made = []

    def open_one(*kind):
        made.append(Kernel([end(), end(), end()])(*kind))
        return made[-1]

    monkeypatch.setattr(nfnetlink.socket, "socket", open_one)
    return made


def ask():
    """Ask once."""
    with Nfnetlink() as asking:
        return asking.dump(GET_TABLE)


def test_one_socket_answers_all_and_is_closed_at_the_end(opened):
    """Also the questions of another subsystem."""
    with kept_open():
        ask()
        ask()
        with Nfnetlink(nfnetlink.CONNTRACK) as asking:
            asking.dump(1)
        assert [len(one.asked) for one in opened] == [3]
        assert not opened[0].closed
    assert opened[0].closed
    ask()
    assert [one.closed for one in opened] == [True, True]


def test_a_question_within_another_has_a_socket_of_its_own(opened):
    """Their answers would mix."""
    with kept_open():
        with Nfnetlink() as asking:
            ask()
            asking.dump(GET_TABLE)
        ask()
    assert sorted(len(one.asked) for one in opened) == [1, 2]
    assert all(one.closed for one in opened)


def test_a_socket_after_an_error_is_not_used_again(opened):
    """An answer may still come, and would be taken for that to the next question."""
    with kept_open():
        ask()
        opened[0].parts[0] = refusal(errno.EPERM)
        with pytest.raises(PermissionError):
            ask()
        assert opened[0].closed
        ask()
    assert [one.closed for one in opened] == [True, True]


@pytest.mark.parametrize("length", [0, 15, 4000])
def test_a_socket_after_an_answer_that_cannot_be_read_is_not_used_again(opened, length):
    """What follows in it is unknown."""
    with kept_open():
        ask()
        opened[0].parts[0] = struct.pack("=IHHII", length, 10 << 8, 0, 2, 0)
        with pytest.raises(OSError, match="Bad message") as caught:
            ask()
        assert caught.value.errno == errno.EBADMSG
        assert opened[0].closed
        ask()
    assert [one.closed for one in opened] == [True, True]


def test_another_thread_has_its_own(opened):
    """A thread may be in another network namespace."""
    with kept_open():
        ask()
        other = threading.Thread(target=ask)
        other.start()
        other.join()
        assert [len(one.asked) for one in opened] == [1, 1]
        assert [one.closed for one in opened] == [False, True]

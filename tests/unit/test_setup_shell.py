"""Commands of a shell script, read and never run."""

import pytest

from dualwan.setup import shell


def words(text):
    """Return the words of each command in ``text``."""
    return [list(command.words) for command in shell.commands(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ip link set up", [["ip", "link", "set", "up"]]),
        ("# a remark\n  pon isp  # and another", [["pon", "isp"]]),
        ("echo a#b", [["echo", "a#b"]]),
        ("a 'b c' \"d e\" f\\ g ''", [["a", "b c", "d e", "f g", ""]]),
        ("a; b && c || d & e", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("a | b -c | d", [["a", "|", "b", "-c", "|", "d"]]),
        ("a >/dev/null 2>&1 b", [["a", "b"]]),
        ("a \\\n  -b \\\n  -c", [["a", "-b", "-c"]]),
        ("X=1; a $X ${X}y", [["X=1"], ["a", "1", "1y"]]),
        ("a ${X:-eth0}", [["a", "eth0"]]),
        ("X=${X:-ppp0}\na $X", [["X=ppp0"], ["a", "ppp0"]]),
        ("X=$(date; id)\na $X", [["X=$(date; id)"], ["a", "$X"]]),
        ("X=1\nX=`expr $X + 1`\na $X", [["X=1"], ["X=`expr $X + 1`"], ["a", "$X"]]),
        ("X=1; a '$X' \"$X\"", [["X=1"], ["a", "$X", "1"]]),
        ("MODE=stop /root/x.sh", [["/root/x.sh"]]),
        ("for i in A B; do\n  a $i\ndone", [["a", "$i"]]),
        ("while [ $n -le 3 ] ; do a; done; b", [["a"], ["b"]]),
        ("X=1\nfor X in 2 3; do a $X; done", [["X=1"], ["a", "$X"]]),
        ("X=1\nwhile read -r X; do a $X; done < f\na $X", [["X=1"], ["a", "$X"], ["a", "$X"]]),
        ("X=1\nread X\na $X", [["X=1"], ["read", "X"], ["a", "$X"]]),
        ("X=1\nlocal X=$1\na $X", [["X=1"], ["local", "X=$1"], ["a", "$X"]]),
        ("export X=1\na $X", [["export", "X=1"], ["a", "1"]]),
        ("a <<EOF > f\nb\nEOF\nc", [["a"], ["c"]]),
        ("a <<-'E'\n\tb\n\tE\nc", [["a"], ["c"]]),
        ("a <<< b\nb\na $((1 << b))", [["a"], ["b"], ["a", "$((1 << b))"]]),
        ("a 'not closed", [["a", "not closed"]]),
        ("a $(not closed", [["a", "$(not closed"]]),
        ("", []),
    ],
)
def test_words_are_those_of_the_shell(text, expected):
    """Quotes, remarks, joined lines, constants; what is only known at run time stays as it is."""
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        'if [ "stop" = "$MODE" ]; then\na\nelif [ "start" = "$MODE" ]; then\nb\nelse\nc\nfi\nd',
        "case $1 in\nstop)\na\n;;\nstart)\nb\n;;\n*)\nc\n;;\nesac\nd",
        "stop() {\na\n}\nstart() {\nb\n}\nc\nd",
    ],
)
def test_what_is_for_stopping_is_known(text):
    """By a condition, a case, or the name of a function."""
    when = {command.words[0]: command.when for command in shell.commands(text)}
    assert when == {"a": shell.STOP, "b": shell.START, "c": "", "d": ""}


def test_a_condition_inside_does_not_end_the_part():
    """What stands in an inner `if` of the part for stopping is for stopping too."""
    text = "if [ $1 = stop ]; then\nif [ -e x ]; then\na\nfi\nb\nfi\nc"
    assert [one.when for one in shell.commands(text)] == [shell.STOP, shell.STOP, ""]


def test_numbers_and_texts_are_those_of_the_file():
    """The number of the first line of a joined one, and the text with its variables."""
    found = shell.commands("X=1\n\nip link \\\n   set $X\n")
    assert [(one.number, one.text) for one in found] == [(1, "X=1"), (3, "ip link set $X")]
    assert [one.assigned for one in found] == [("X", "1"), ("", "")]

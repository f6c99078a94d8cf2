"""The command init: options that cannot be are named together, not one a try."""

from init_command import init_path, init_run

__all__ = ["init_path", "init_run"]  # fixtures


def test_all_options_that_cannot_be_are_named(run, path):
    """A line each, in one order; nothing is asked or written."""
    code, out, err = run("--peer", "../x", "--wan", "a b", "--lan", "*", "--provider", "ocm")
    assert (code, out) == (2, "")
    assert [line.split(":")[1].strip() for line in err.splitlines()] == [
        *("--wan", "--lan", "--provider", "--peer"),
    ]
    assert "did you mean 'ocn'?" in err
    assert not path.exists()

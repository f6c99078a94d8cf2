"""What each event may take, beside what it takes. See events.py."""

from statistics import median

BARE = "python3 -I -c pass"
# To state or to exit (1), of these of ours, by these others: ratio allowed, and aimed at.
STATE, EXIT = 0, 1
RATIOS = (
    ("not our interface, to exit", EXIT, ("not ours",), BARE, 1.5, 1.3),
    (
        "ppp-up with a new address, to state",
        STATE,
        ("ppp-up, new address",),
        "shell ppp-up",
        1.8,
        1.3,
    ),
    ("the same, to exit", EXIT, ("ppp-up, new address",), "shell ppp-up", 2.5, 2.0),
    ("nothing to do: second stanza", EXIT, ("ifup again (second stanza)",), BARE, 8.0, 6.0),
    ("nothing to do: ppp-up again", EXIT, ("ppp-up again, nothing to do",), BARE, 8.0, 6.0),
    ("ifup, both hooks", EXIT, ("before ifup", "ifup"), "shell ifup", 0.3, 0.2),
    ("ifdown, both hooks", EXIT, ("ifdown", "after ifdown"), "shell ifdown", 0.3, 0.2),
    ("`mape`", EXIT, ("mape",), BARE, 4.0, 3.0),
    ("`check`", EXIT, ("check",), BARE, 4.0, 3.0),
    ("`--version`", EXIT, ("--version",), BARE, 4.0, 3.0),
    ("`--help`", EXIT, ("--help",), BARE, 4.0, 3.0),
)
MEGABYTE = 1e6
PEAK, PEAK_AIM = 25, 20  # megabytes of a hook
# Runs a program that is its argument, and prints its peak of memory in KiB: that of the process
# that starts it, a small one, is the least that the kernel tells.
WEIGH = (
    "import os, sys; pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ);"
    "_, status, used = os.wait4(pid, 0); print(); print(used.ru_maxrss);"
    "sys.exit(os.waitstatus_to_exitcode(status))"
)


def table(times, peaks):
    """Return the bars and what they are held against, in Markdown.

    ``times``: what each row Took, by row and round. ``peaks``: bytes by row.
    """
    lines = [
        "| event | ours | beside it | ratio | of the processor | bar | aim |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, at, rows, other, bar, aim in RATIOS:
        beside = times[other]
        pairs = list(zip([*zip(*(times[row] for row in rows), strict=True)], beside, strict=True))
        ours = [sum(took[at] for took in mine) for mine, _ in pairs if mine[0][at] is not None]
        ratio = median(
            sum(took[at] for took in mine) / theirs.end
            for mine, theirs in pairs
            if mine[0][at] is not None
        )
        cpu = median(sum(took.cpu for took in mine) / theirs.cpu for mine, theirs in pairs)
        spent = median(sum(took.cpu for took in mine) for mine, _ in pairs)
        lines.append(
            f"| {name} | {median(ours) * 1e3:.1f} ms"
            f" | {median(one.end for one in beside) * 1e3:.1f} ms"
            f" | {ratio:.2f} {_mark(ratio, bar, aim)}"
            f" | {spent * 1e3:.0f} ms, {cpu:.2f} | {bar} | {aim} |"
        )
    most = max(peaks, key=peaks.get)
    found = peaks[most] / MEGABYTE
    lines.append(
        f"| peak of memory ({most}) | {found:.1f} MB | | {_mark(found, PEAK, PEAK_AIM)} | "
        f"| {PEAK} MB | {PEAK_AIM} MB |"
    )
    return "\n".join(
        [
            *lines,
            "",
            "`!` is beyond the bar, `+` within the aim; a ratio is the median of each round's.",
            "",
        ]
    )


def _mark(found, bar, aim):
    return "!" if found > bar else "+" if found <= aim else ""

"""The command dualwan-hook: parse its arguments, and call what does the work."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, NoReturn

from dualwan import __version__
from dualwan.errors import ConfigError, DualwanError, HostError, UsageError
from dualwan.options import Parser, SliceNames
from dualwan.options import common as common_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dualwan.config import Config
    from dualwan.host.api import Host
    from dualwan.model.event import Event
    from dualwan.model.finding import Finding
    from dualwan.result import Plan, Result

WOULD_CHANGE = NOT_WELL = 1
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def _parser() -> Parser:
    # Two objects, because set_defaults changes the options of its parents.
    common = [common_options()]
    parser = Parser(
        prog="dualwan-hook",
        parents=[common_options()],
        description="Keeps MAP-E and PPPoE in order side by side. Without a "
        "command, brings the router to its desired state now.",
    )
    parser.set_defaults(config=None, json=False, verbose=False, color="auto")
    parser.add_argument("--version", action="version", version=f"dualwan-hook {__version__}")
    parser.add_argument(
        "--slice",
        dest="slices",
        action="append",
        choices=SliceNames(),
        metavar="NAME",
        help="only this slice (%(choices)s); repeatable",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="with --dry-run: exit with 1 where something would change",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    event = commands.add_parser("event", parents=common, help="what the hooks call")
    event.add_argument("event", choices=("ifup", "ifdown", "ppp-up", "ppp-down", "boot"))
    commands.add_parser("down", parents=common, help="remove all that this program owns")
    check = commands.add_parser("check", parents=common, help="check the configuration only")
    check.add_argument("file", nargs="?", metavar="FILE", help="instead of the one in use")
    status = commands.add_parser("status", parents=common, help="what is there now")
    status.add_argument(
        "--prometheus", action="store_true", help="as a textfile of Prometheus' node exporter"
    )
    commands.add_parser(
        "doctor", parents=common, help="find what is wrong with the line or the machine"
    )
    commands.add_parser(
        "watch", parents=common, help="mend at once whatever is changed, and follow the line"
    )
    commands.add_parser(
        "probe", parents=common, help="ask the targets of [wan] probe through MAP-E, for failover"
    )
    commands.add_parser(
        "notify", parents=common, help="make the update call of a fixed address (IPIP) once more"
    )
    commands.add_parser(
        "hooks", parents=common, help="run the scripts of hooks.d for what they wait for"
    )
    mape = commands.add_parser(
        "mape", parents=common, help="address, PSID, CE, BR and ports that follow from a prefix"
    )
    mape.add_argument("prefix", metavar="PREFIX", help="the line's IPv6 prefix or an address in it")
    mape.add_argument(
        "--provider",
        default="auto",
        metavar="NAME",
        help="only the rules of this provider (default: auto)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; return the exit code (see errors)."""
    try:
        arguments = _parser().parse_args(argv)
        _check_combination(arguments)
        return _COMMANDS[arguments.command](arguments)
    except DualwanError as error:
        print(f"dualwan-hook: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED


def _print(text: str, end: str = "\n") -> None:
    """Print and flush ``text``; raises HostError if it cannot be written, or BrokenPipeError."""
    try:
        print(text, end=end, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        if isinstance(error, BrokenPipeError):
            raise
        raise HostError(f"standard output: {error.strerror}") from None


def _check_combination(arguments: Namespace) -> None:
    if arguments.command and (arguments.slices or arguments.dry_run or arguments.exit_code):
        if arguments.command == "down" and not arguments.exit_code:
            return
        raise UsageError(f"--slice, --dry-run and --exit-code do not go with '{arguments.command}'")
    if arguments.exit_code and not arguments.dry_run:
        raise UsageError("--exit-code goes with --dry-run")


def _config(arguments: Namespace) -> Config:
    from dualwan.config import load, path_in_use

    return load(path_in_use(arguments.config), asked=bool(arguments.config))


def _apply(arguments: Namespace) -> int:
    from dualwan.model.event import Event

    return _run(arguments, _config(arguments), Event.APPLY)


def _down(arguments: Namespace) -> int:
    """Take everything down, even if the configuration is missing or wrong."""
    from dualwan.model.event import Event

    try:
        config: Config | None = _config(arguments)
    except ConfigError as error:
        print(f"dualwan-hook: {error}; going by what is noted and tagged", file=sys.stderr)
        config = None
    return _run(arguments, config, Event.REMOVE)


def _run(arguments: Namespace, config: Config | None, event: Event) -> int:
    from dualwan import inspection
    from dualwan.handle import handle_event
    from dualwan.host.kernel import KernelHost
    from dualwan.reconcile import make_plan

    only, host = arguments.slices or None, KernelHost()
    whole = config if only is None and event.wanted else None  # a part tells nothing of the rest
    if not arguments.dry_run:
        result = handle_event(config, host, event, only)
        _show(arguments, result, inspection.findings(whole, host), everything=arguments.verbose)
        return 0
    plan = make_plan(config, host, event, only)
    _show(arguments, plan, inspection.findings(whole, host), everything=True)
    return WOULD_CHANGE if arguments.exit_code and (plan.changes or plan.problems) else 0


def _show(
    arguments: Namespace, plan: Plan | Result, found: Sequence[Finding], *, everything: bool
) -> None:
    from dualwan.report import plan as report

    if arguments.json:
        _print(json.dumps(report.as_data(plan, found), indent=2))
        return
    _print(report.text(plan, found, everything, _colour(arguments)))


def _colour(arguments: Namespace) -> bool:
    return bool(arguments.color == "always" or (arguments.color == "auto" and sys.stdout.isatty()))


def _event(arguments: Namespace) -> int:
    """Do as the hook does, with the interface from the environment."""
    from dualwan import hook

    if arguments.event == "boot":
        return _boot(_config(arguments))
    word, environ = arguments.event, dict(os.environ)
    if arguments.config:
        environ["DUALWAN_CONFIG"] = arguments.config
    if word.startswith("ppp-"):
        folder = "ip-up.d" if word == "ppp-up" else "ip-down.d"
        return hook.hook(*hook.from_ppp(folder, environ), environ)
    environ.setdefault("PHASE", "post-up" if word == "ifup" else "pre-down")
    return hook.hook(*hook.from_ifupdown("", environ), environ)


def _boot(config: Config) -> int:
    """Close the router before the network starts, unless ifup does that before the WAN comes up."""
    from dualwan.handle import handle_event
    from dualwan.host.around import interfaces
    from dualwan.host.kernel import KernelHost
    from dualwan.model.event import Event

    if not interfaces.stanza(config.wan.interface):
        handle_event(config, KernelHost(), Event.BOOT)
    return 0


def _check(arguments: Namespace) -> int:
    from dualwan import inspection

    if arguments.file:
        arguments.config = arguments.file
    _print(inspection.check(_config(arguments), as_json=arguments.json))
    return 0


def _status(arguments: Namespace) -> int:
    from dualwan import inspection

    form = "prometheus" if arguments.prometheus else "json" if arguments.json else "text"
    _print(inspection.status(_config(arguments), form), end="" if arguments.prometheus else "\n")
    return 0


def _doctor(arguments: Namespace) -> int:
    from dualwan import inspection

    text, well = inspection.doctor(
        _config(arguments),
        as_json=arguments.json,
        everything=arguments.verbose,
        colour=_colour(arguments),
    )
    if text or sys.stdout.isatty():
        _print(text or "all is well")
    return 0 if well else NOT_WELL


def _watch(arguments: Namespace) -> NoReturn:
    """Mend whatever is changed, until the process is ended."""
    from contextlib import closing

    from dualwan import watcher
    from dualwan.config import path_in_use
    from dualwan.host import run_files
    from dualwan.host.lock import watching
    from dualwan.host.watch import Watch

    with watching(run_files.directory()), closing(Watch()) as ears:
        watcher.notify_ready(os.environ.pop("NOTIFY_SOCKET", ""))
        watcher.watch(path_in_use(arguments.config), _kernel_host, ears)


def _kernel_host() -> Host:
    from dualwan.host.kernel import KernelHost

    return KernelHost()


def _probe(arguments: Namespace) -> int:
    from dualwan.handle.probe import probe
    from dualwan.host.kernel import KernelHost

    config = _config(arguments)
    if not config.wan.probe:
        raise UsageError(f"{config.path} names no targets ([wan] probe)")
    health = probe(config, KernelHost())
    state = {"broken": health.broken, "row": health.streak}
    words = "MAP-E does not answer" if health.broken else "MAP-E is in use"
    _print(json.dumps(state) if arguments.json else words)
    return 0


def _notify(arguments: Namespace) -> int:
    """Make the update call of [mape] update now, also if it was made before."""
    from dualwan.config.mape import Ipip
    from dualwan.handle.update_call import notify_provider
    from dualwan.host.kernel import KernelHost

    config = _config(arguments)
    if not isinstance(config.mape, Ipip) or not config.mape.update:
        raise UsageError(f'{config.path} has no update call ([mape] mode = "ipip" and update)')
    reply = notify_provider(config, KernelHost())
    _print(json.dumps({"reply": reply}) if arguments.json else reply)
    return 0


def _hooks(arguments: Namespace) -> int:
    """Run the owner's scripts for what they have not been told of yet."""
    from dualwan.host.notice.runner import serve

    del arguments
    serve()
    return 0


def _mape(arguments: Namespace) -> int:
    from dualwan.mape import calculator

    _print(calculator.render(arguments.prefix, arguments.provider, as_json=arguments.json))
    return 0


_COMMANDS = {
    None: _apply,
    "down": _down,
    "event": _event,
    "check": _check,
    "status": _status,
    "doctor": _doctor,
    "mape": _mape,
    "watch": _watch,
    "probe": _probe,
    "notify": _notify,
    "hooks": _hooks,
}

if __name__ == "__main__":
    sys.exit(main())

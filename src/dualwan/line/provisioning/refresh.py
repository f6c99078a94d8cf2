"""When the line is asked, and what becomes of its answer. No effects but by LineServices."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.errors import HostError, MapeError, RemoteError
from dualwan.line.provisioning.answer import Answer, Known, mapping, usable
from dualwan.line.provisioning.cache import AnswerCache, Entry, parse
from dualwan.line.provisioning.source import LineServices

SECONDS = 10.0  # for one source, everything included


def known(config: Config, services: LineServices) -> tuple[Known, ...]:
    """Return what was learned before, in the configuration's order; asks nobody."""
    if not isinstance(config.mape, MapE) or not config.mape.provisioning:
        return ()
    found = {item.source: item for item in services.load_answers().known(services.now())}
    return tuple(found[source] for source in config.mape.provisioning if source in found)


def learn(config: Config, services: LineServices, *, by_hand: bool) -> tuple[str, ...]:
    """Ask the line for its rule where that is due; return what is to be logged.

    The sources are asked in the configuration's order until one has a usable answer, unless
    a fresh one is there. A source that just failed is asked again only ``by_hand``. An answer
    that is refused changes nothing, and so does silence: one line says so. The host's lock
    must not be held, because this can take SECONDS for each source.
    """
    mape, prefixes = config.mape, services.prefixes(config.prefix_source)
    if not prefixes or not isinstance(mape, MapE):
        return ()
    said = []
    for source in mape.provisioning:
        answers = services.load_answers()
        before = next(
            (item for item in answers.known(services.now()) if item.source == source), None
        )
        if before and before.is_fresh(prefixes) and _covers(before.answer, prefixes):
            break
        if not by_hand and not answers.may_ask(source, services.now()):
            continue
        try:
            entry, answer = _fetch(config, services, source, prefixes, before)
        except RemoteError as error:
            kept = " (the earlier answer stays)" if before else ""
            said.append(f"{source}: {error}{kept}")
            said += _save(services, answers.with_failure(source, services.now()))
            continue
        if failure := _save(services, answers.with_entry(source, entry)):
            said += failure
        elif _is_news(answers, source, entry):
            said.append(
                f"{source}: learned {mapping(answer, entry.prefix).rule} from {entry.origin}"
            )
        break
    return tuple(said)


def _fetch(
    config: Config,
    services: LineServices,
    source: str,
    prefixes: tuple[str, ...],
    before: Known | None,
) -> tuple[Entry, Answer]:
    """Return a new answer of ``source`` that covers the line's prefix; raises RemoteError."""
    origin, time, text = services.fetch_provisioning(source, config.prefix_source, before, SECONDS)
    try:
        answer = parse(source, text, origin)
        prefix = usable(answer, prefixes)
    except RemoteError as error:
        raise RemoteError(f"the answer of {origin} is refused: {error}") from None
    return Entry(origin, time, prefix, text), answer


def _save(services: LineServices, answers: AnswerCache) -> list[str]:
    """Keep ``answers``; return [] where that worked, else why not."""
    try:
        services.save_answers(answers)
    except HostError as error:
        return [f"what the line said cannot be kept: {error}"]
    return []


def _covers(answer: Answer, prefixes: tuple[str, ...]) -> bool:
    try:
        return bool(usable(answer, prefixes))
    except RemoteError:
        return False


def _is_news(answers: AnswerCache, source: str, entry: Entry) -> bool:
    """Return whether ``entry`` leads to another mapping than what was known of ``source``."""
    earlier = answers.entries.get(source)
    if earlier is None:
        return True
    try:
        old = mapping(parse(source, earlier.text, earlier.origin), entry.prefix)
    except (RemoteError, MapeError):
        return True
    new = mapping(parse(source, entry.text, entry.origin), entry.prefix)
    return (old.rule.terms, old.port_set) != (new.rule.terms, new.port_set)

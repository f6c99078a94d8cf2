"""The refresh of the cached answers. All I/O goes through LineServices."""

from __future__ import annotations

from dualwan.config import Config
from dualwan.config.mape import MapE
from dualwan.errors import HostError, MapeError, RemoteError
from dualwan.line.provisioning.answer import Answer, CachedAnswer, ce_parameters, usable
from dualwan.line.provisioning.cache import AnswerCache, Entry, parse
from dualwan.line.provisioning.source import LineServices

SECONDS = 10.0  # for one source, from the first packet to the last


def cached_answers(config: Config, services: LineServices) -> tuple[CachedAnswer, ...]:
    """Return the cached answers, in the order of the configuration; asks no source."""
    if not isinstance(config.mape, MapE) or not config.mape.provisioning:
        return ()
    found = {item.source: item for item in services.load_answers().checked(services.now())}
    return tuple(found[source] for source in config.mape.provisioning if source in found)


def refresh(config: Config, services: LineServices, *, on_request: bool) -> tuple[str, ...]:
    """Ask the provisioning sources if that is due; return sentences for the log.

    The sources are asked in the order of the configuration until one has a usable answer,
    but not while a fresh answer is cached. A source that failed within RETRY seconds is
    asked only ``on_request`` of the user. A refused or missing answer changes nothing and
    returns one sentence. The caller must not hold the host's lock, because each source can
    take SECONDS.
    """
    mape, prefixes = config.mape, services.prefixes(config.prefix_source)
    if not prefixes or not isinstance(mape, MapE):
        return ()
    sentences = []
    for source in mape.provisioning:
        answers = services.load_answers()
        previous = next(
            (item for item in answers.checked(services.now()) if item.source == source), None
        )
        if previous and previous.is_fresh(prefixes) and _covers(previous.answer, prefixes):
            break
        if not on_request and not answers.may_ask(source, services.now()):
            continue
        try:
            entry, answer = _fetch(config, services, source, prefixes, previous)
        except RemoteError as error:
            kept = " (the earlier answer stays)" if previous else ""
            sentences.append(f"{source}: {error}{kept}")
            sentences += _save(services, answers.with_failure(source, services.now()))
            continue
        if failure := _save(services, answers.with_entry(source, entry)):
            sentences += failure
        elif _differs(answers, source, entry):
            sentences.append(
                f"{source}: learned {ce_parameters(answer, entry.prefix).rule} from {entry.origin}"
            )
        break
    return tuple(sentences)


def _fetch(
    config: Config,
    services: LineServices,
    source: str,
    prefixes: tuple[str, ...],
    previous: CachedAnswer | None,
) -> tuple[Entry, Answer]:
    """Return a new answer of ``source`` that covers the line's prefix; raises RemoteError."""
    origin, time, text = services.fetch_provisioning(source, config.line_device, previous, SECONDS)
    try:
        answer = parse(source, text, origin)
        prefix = usable(answer, prefixes)
    except RemoteError as error:
        raise RemoteError(f"the answer of {origin} is refused: {error}") from None
    return Entry(origin, time, prefix, text), answer


def _save(services: LineServices, answers: AnswerCache) -> list[str]:
    """Save ``answers``; return a sentence if that fails, else []."""
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


def _differs(answers: AnswerCache, source: str, entry: Entry) -> bool:
    """Whether ``entry`` gives other parameters than the earlier answer of ``source``."""
    earlier = answers.entries.get(source)
    if earlier is None:
        return True
    try:
        old = ce_parameters(parse(source, earlier.text, earlier.origin), entry.prefix)
    except (RemoteError, MapeError):
        return True
    new = ce_parameters(parse(source, entry.text, entry.origin), entry.prefix)
    return (old.rule.terms, old.port_set) != (new.rule.terms, new.port_set)

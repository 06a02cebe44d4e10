"""Troubleshooting a list that is pulled from its directory: what its last run and its log say (H1, D3)."""

from collections.abc import Iterator
from typing import NamedTuple

from ingress.console import directory_words, words
from models import hold
from models import job as jobs
from models.database import Cursor
from models.directory import syncs
from models.directory.runs import Run
from models.health import Facts


class Answer(NamedTuple):
    """What was seen of a connection says about a question: `tone` is ok, wait, bad or off."""

    tone: str
    sentence: str
    entry_id: int | None = None


def answers(cursor: Cursor, list_id: str, facts: Facts, run: Run | None) -> Iterator[Answer]:
    """One for each of `guides.PULL_QUESTIONS`, in their order."""
    yield _failed(run)
    yield _absent(facts, run)
    held = hold.summary(cursor, list_id).count
    waits = words.plural(held, "deactivation is held", "deactivations are held")
    yield Answer("bad", f"{waits}.") if held else Answer("ok", "No deactivation is held.")
    yield _duplicates(facts)
    yield _values(facts)
    yield _late(cursor, list_id, run)


def _failed(run: Run | None) -> Answer:
    if run is None:
        return Answer("off", "No run has begun yet.")
    when = words.ago(run.began_at)
    if run.state == jobs.FAILED:
        return Answer("bad", f"The last run, {when}: {run.progress.error}.")
    if until := directory_words.waits_until(run):
        return Answer("wait", f"The run at work waits for Microsoft, until {until:%H:%M:%S} UTC.")
    return Answer("ok", f"The last run, {when}, {'is at work' if run.is_open else 'did not fail'}.")


def _absent(facts: Facts, run: Run | None) -> Answer:
    if facts.waiting:
        waits = words.plural(facts.waiting, "user waits", "users wait")
        return Answer("bad", f"{waits} for an attribute, or for a UID that somebody else has: see the log.")
    if run is not None and run.progress.refused:
        return Answer("bad", f"{words.plural(run.progress.refused, 'user')} could not be applied by the last run.")
    if run is not None and run.progress.warnings:
        return Answer("wait", f"{run.progress.warnings[0]}.")
    return Answer("ok" if run else "off", "Nobody waits for anything." if run else "Nothing was read yet.")


def _duplicates(facts: Facts) -> Answer:
    if facts.uid_change is None:
        return Answer("ok", "No UID has changed lately.")
    sentence = f"A UID changed {words.ago(facts.uid_change.at)}: the person followed it."
    return Answer("wait", sentence, facts.uid_change.entry_id)


def _values(facts: Facts) -> Answer:
    if facts.misfit is None:
        return Answer("ok", "Every value fitted its field lately.")
    sentence = f"The last value that did not fit, {words.ago(facts.misfit.at)}: {facts.misfit.detail}"
    return Answer("wait", sentence, facts.misfit.entry_id)


def _late(cursor: Cursor, list_id: str, run: Run | None) -> Answer:
    sync = syncs.of_list(cursor, list_id)
    last = f"The last run began {words.ago(run.began_at)}." if run else "No run has begun yet."
    if sync is None or sync.next_at is None:
        return Answer("wait", f"{last} None is planned: the list is synced by hand only.")
    return Answer(
        "ok", f"{last} {directory_words.schedule(sync.schedule)}; the next one {sync.next_at:%d %b, %H:%M} UTC."
    )

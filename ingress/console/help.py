"""Help: set-up guides with a list's own values, providers, questions, and troubleshooting from live facts (H1)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from litestar import Response, get
from litestar.params import FromPath
from markupsafe import Markup, escape

from ingress.console import help_directory, pages, words
from ingress.console.desk import Call, Desk, ListId, at_desk, in_thread
from ingress.console.guides import FAQ, GUIDES, PULL_QUESTIONS, QUESTIONS, Question
from ingress.console.help_directory import Answer
from ingress.console.log_words import without_values
from ingress.console.pages import PRODUCT
from models import connection, database, health, master_list
from models.connection import Details
from models.directory import runs
from models.directory.runs import Run
from models.errors import Unknown
from models.health import Facts, Told
from models.master_list import MasterList
from models.organisation import DIRECTORY

CHECKED_AT_ONCE = 5  # lists of a troubleshooting page; the others are a link away


@dataclass(frozen=True, slots=True)
class Checked:
    """A connected list, and the answers for it in the order of its provider's questions."""

    list: MasterList
    details: Details
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    last_run: Run | None = None


@get("/help")
@in_thread
def overview(request: Call) -> Response[str]:
    """Guides, providers, the comparison and the questions that are asked often."""
    with at_desk(request) as desk:
        return pages.page(desk, "help.html", guides=GUIDES, faq=FAQ)


@get("/lists/{list_id:str}/sync/setup/{idp:str}")
@in_thread
def setup(request: Call, list_id: ListId, idp: FromPath[str]) -> Response[str]:
    """A provider's guide with this list's values filled in."""
    with at_desk(request, list_id) as desk:
        found = next((guide for guide in GUIDES if guide.key == idp), None)
        if found is None:
            raise Unknown("there is no set-up guide for this provider: PingOne's steps suit most others")
        steps = [(_marked(step.text, desk.list), step.values) for step in found.steps]
        return pages.page(
            desk, "guide.html", guide=found, guides=GUIDES, steps=steps, base_url=desk.base_url,
            afterwards=_marked(found.afterwards, desk.list), is_connected=desk.list.is_connected,
        )  # fmt: skip


def _marked(text: str, one: MasterList) -> Markup:
    """Names on the IdP's screen, between asterisks, in bold."""
    parts = text.replace("{product}", PRODUCT).replace("{list}", one.name).split("*")
    return Markup("").join(
        Markup("<strong>{}</strong>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


@get("/help/troubleshooting")
@in_thread
def troubleshooting(request: Call) -> Response[str]:
    """The six cases, each answered from what the IdP sent last: for the list that is asked for, else for the first."""
    with at_desk(request) as desk:
        lists = master_list.all_of_organisation(desk.cursor, desk.session.organisation_id)
        connected = [one for one in lists if one.is_connected]
        wanted = [one for one in connected if one.id == request.query_params.get("list")] or connected[:CHECKED_AT_ONCE]
        database.allow(desk.cursor, [one.id for one in wanted])
        checked = []
        for one in wanted:
            details = connection.details(desk.cursor, one.id)
            if details is not None:
                checked.append(_checked(desk, one, details))
        others = [one for one in connected if one not in wanted]
        return pages.page(desk, "trouble.html", questions=QUESTIONS, checked=checked, others=others)


def _checked(desk: Desk, one: MasterList, details: Details) -> Checked:
    facts, run = health.facts(desk.cursor, one.id), None
    if details.provider == DIRECTORY:
        run, questions = runs.latest(desk.cursor, one.id), PULL_QUESTIONS
        answers = tuple(help_directory.answers(desk.cursor, one.id, facts, run))
    else:
        questions, answers = QUESTIONS, tuple(_answers(details, facts))
    if not desk.session.may_change:
        answers = tuple(each._replace(sentence=without_values(each.sentence)) for each in answers)
    return Checked(one, details, questions, answers, run)


def _answers(details: Details, facts: Facts) -> Iterator[Answer]:
    for question in QUESTIONS:
        yield _ANSWERS[question.key](details, facts)


def _unauthorised(details: Details, facts: Facts) -> Answer:
    if facts.refused_token is not None:
        return _told("bad", "The last refused token", facts.refused_token)
    return Answer(
        "ok",
        "No revoked or expired token of this list was used lately. (A token that we never issued leaves no trace.)",
    )


def _absent(details: Details, facts: Facts) -> Answer:
    if details.last_request_at is None:
        return Answer("wait", "Nothing has arrived yet: the IdP has not pushed, or does not reach the SCIM Base URL.")
    if facts.unapplied:
        return Answer("wait", f"{words.plural(facts.unapplied, 'change')} accepted and about to be applied.")
    if facts.waiting:
        waits = words.plural(facts.waiting, "user waits", "users wait")
        return Answer(
            "bad",
            f"{waits} for an attribute, or for a UID that somebody else has: the log's Waiting entries say which.",
        )
    return Answer("ok", f"The last request came {words.ago(details.last_request_at)}, and nothing of it waits.")


def _duplicates(details: Details, facts: Facts) -> Answer:
    if facts.elsewhere is not None:
        return _told("bad", "A token of this list was used on another one's Base URL", facts.elsewhere)
    if facts.uid_change is not None:
        return Answer(
            "wait",
            f"A UID changed {words.ago(facts.uid_change.at)}: the person followed it.",
            facts.uid_change.entry_id,
        )
    return Answer("ok", "No UID has changed lately, and no token of this list was used on another one.")


def _values(details: Details, facts: Facts) -> Answer:
    if facts.misfit is not None:
        return _told("wait", "The last value that did not fit", facts.misfit)
    return Answer("ok", f"Every value fitted its field lately. {details.mapped} of 27 attributes are mapped.")


def _test(details: Details, facts: Facts) -> Answer:
    if details.last_request_at is None:
        return Answer("bad", f"No request has arrived since the list was connected {words.ago(details.connected_at)}.")
    if facts.refused is not None:
        return _told("wait", "Requests arrive. The last refused one", facts.refused)
    return Answer("ok", f"Requests arrive: the last one {words.ago(details.last_request_at)}.")


def _late(details: Details, facts: Facts) -> Answer:
    quiet = health.quiet_for(details, facts.longest_gap, facts.rhythm)
    if quiet is not None:
        return Answer("bad", f"Nothing came for {words.span(quiet)}, which is longer than usual here.")
    if details.last_request_at is None:
        return Answer("off", "Nothing has arrived yet.")
    every = f" Bursts come about every {words.span(facts.rhythm.period)}." if facts.rhythm else ""
    return Answer("ok", f"The last request came {words.ago(details.last_request_at)}, as usual.{every}")


def _told(tone: str, what: str, told: Told) -> Answer:
    return Answer(tone, f"{what}, {words.ago(told.at)}: {told.detail}", told.entry_id)


_ANSWERS: dict[str, Callable[[Details, Facts], Answer]] = {
    "unauthorised": _unauthorised, "absent": _absent, "duplicates": _duplicates, "values": _values, "test": _test,
    "late": _late,
}  # fmt: skip
ROUTES: list[Any] = [overview, setup, troubleshooting]

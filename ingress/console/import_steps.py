"""One import: its columns matched, its rows looked at, run, stopped and gone on with."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Stream

from ingress.console import import_words, pages, stretches
from ingress.console.desk import Call, Desk, Form, Id, ListId, at_desk, in_thread
from models import audit, connection, person
from models.errors import Refused
from models.imports import judging, matching, rows, runs, store
from models.imports.matching import Matching
from models.imports.store import Import

SAMPLES = 3  # rows


@get("/lists/{list_id:str}/imports/{import_id:uuid}")
@in_thread
def one_import(request: Call, list_id: ListId, import_id: Id) -> Response[str]:
    """The step that it is at: columns to be matched, rows to be looked at, or what the run came to.

    Viewers see how many rows came to what: a file may tell more of people than their list does.
    """
    with at_desk(request, list_id) as desk:
        one = store.find(desk.cursor, list_id, str(import_id))
        wanted = one.state == store.UPLOADED or ("match" in request.query_params and not one.has_run)
        if wanted and desk.session.may_change and one.kept and not one.is_open:
            identifier = connection.unique_identifier(desk.cursor, list_id)
            return _match(desk, one, one.matching or matching.guess(one.columns, desk.list.fields, identifier))
        return _look(request, desk, one)


def _match(desk: Desk, one: Import, chosen: Matching, error: str | None = None) -> Response[str]:
    samples, _ = rows.page(desk.cursor, one, count=SAMPLES)
    return pages.page(
        desk, "import_match.html", 422 if error else 200, one=one, chosen=chosen, error=error, words=import_words,
        names=matching.names(desk.list.fields), samples=_samples(one, samples),
        locked=person.locked_fields(desk.cursor, desk.list.id),
    )  # fmt: skip


def _samples(one: Import, found: Sequence[rows.Shown]) -> list[str]:
    """What stands in each column's first rows."""
    return [
        " · ".join(cell[:60] for row in found if (cell := row.cells[place].strip()))
        for place in range(len(one.columns))
    ]  # fmt: skip


def _look(request: Call, desk: Desk, one: Import) -> Response[str]:
    """What becomes, or became, of the rows; page by page, all or those of an outcome."""
    given = request.query_params
    outcome = given.get("outcome", "")
    outcome = outcome if outcome in judging.OUTCOMES else ""
    after = given.get("after", "")
    begin = int(after) if after.isdecimal() and len(after) < 10 else 0
    # While the preview goes on, some rows have come to nothing yet, or to what another matching made of them.
    shown = desk.session.may_change and one.state != store.PREVIEWING
    found, more = rows.page(desk.cursor, one, outcome, begin) if shown else ([], None)
    targets = one.matching.targets if one.matching else ()
    uid = targets.index(matching.UID) if matching.UID in targets else 0
    return pages.page(
        desk, "import.html", one=one, words=import_words, rows=found, outcome=outcome, begin=begin, uid=uid,
        older=urlencode({"outcome": outcome, "after": more}) if more else None, targets=targets,
        names=matching.names(desk.list.fields),
    )  # fmt: skip


@post("/lists/{list_id:str}/imports/{import_id:uuid}/preview")
@in_thread
def preview(request: Call, list_id: ListId, import_id: Id, data: Form) -> Response[str]:
    """Match the columns, and find out what would become of the rows."""
    with at_desk(request, list_id, data) as desk:
        one = store.find(desk.cursor, list_id, str(import_id))
        chosen = _chosen(one, data)
        try:
            with desk.cursor.connection.transaction():
                job_id = runs.preview(desk.cursor, list_id, one.id, chosen)
        except Refused as refusal:
            return _match(desk, one, chosen, refusal.detail)
        audit.record(desk.cursor, desk.session, list_id, "import.preview", one.name)
        bell = desk.office.bell
    bell.people(list_id, job_id)
    return pages.go(request, f"/lists/{list_id}/imports/{import_id}")


def _chosen(one: Import, form: Form) -> Matching:
    targets = tuple(str(form.get(f"column_{place}", "")) for place in range(len(one.columns)))
    dates = str(form.get("dates", matching.ISO))
    return Matching(targets, dates, form.get("comma") == "1", form.get("clear") == "1")


@post("/lists/{list_id:str}/imports/{import_id:uuid}/run")
@in_thread
def run(request: Call, list_id: ListId, import_id: Id, data: Form) -> Response[str]:
    """Merge the rows into the list, or go on with that."""
    with at_desk(request, list_id, data) as desk:
        job_id = runs.run(desk.cursor, list_id, str(import_id), pages.moment(data.get("seen")))
        one = store.find(desk.cursor, list_id, str(import_id))
        audit.record(desk.cursor, desk.session, list_id, "import.run", one.summary)
        bell = desk.office.bell
    bell.people(list_id, job_id)
    return pages.go(request, f"/lists/{list_id}/imports/{import_id}")


@post("/lists/{list_id:str}/imports/{import_id:uuid}/stop")
@in_thread
def stop(request: Call, list_id: ListId, import_id: Id, data: Form) -> Response[str]:
    """End what is at work; what was merged stays."""
    with at_desk(request, list_id, data) as desk:
        if runs.stop(desk.cursor, list_id, str(import_id)):
            one = store.find(desk.cursor, list_id, str(import_id))
            audit.record(desk.cursor, desk.session, list_id, "import.stop", one.name)
    return pages.go(request, f"/lists/{list_id}/imports/{import_id}")


@post("/lists/{list_id:str}/imports/{import_id:uuid}/discard")
@in_thread
def discard(request: Call, list_id: ListId, import_id: Id, data: Form) -> Response[str]:
    """Forget a file that was not run."""
    with at_desk(request, list_id, data) as desk:
        one = store.find(desk.cursor, list_id, str(import_id))
        runs.discard(desk.cursor, list_id, one.id)
        audit.record(desk.cursor, desk.session, list_id, "import.discard", one.name)
    return pages.go(request, f"/lists/{list_id}/imports")


@get("/lists/{list_id:str}/imports/{import_id:uuid}/progress")
@in_thread
def progress(request: Call, list_id: ListId, import_id: Id) -> Response[str]:
    """How far it is; asked again by itself while it is at work, and the page anew when it is over."""
    with at_desk(request, list_id) as desk:
        one = store.find(desk.cursor, list_id, str(import_id))
        if not pages.is_fragment(request):
            return pages.go(request, f"/lists/{list_id}/imports/{import_id}")
        if not one.is_open:
            return pages.html("", HX_Refresh="true")
        return pages.page(desk, "_import_progress.html", one=one, words=import_words)


@get("/lists/{list_id:str}/imports/{import_id:uuid}/refused.csv")
async def refused(request: Call, list_id: ListId, import_id: Id) -> Stream:
    """The refused rows as they came, each with why: to be corrected and brought again."""
    head, name = await _head(request, list_id, str(import_id))
    return await stretches.file(
        name, stretches.CSV, head,
        lambda after: _refused(request, list_id, str(import_id), after),
    )  # fmt: skip


@in_thread
def _head(request: Call, list_id: str, import_id: str) -> tuple[str, str]:
    with at_desk(request, list_id, change=True) as desk:
        one = store.find(desk.cursor, list_id, import_id)
        return rows.refused_head(one), rows.refused_name(one)


@in_thread
def _refused(request: Call, list_id: str, import_id: str, after: int | None) -> tuple[str, int | None]:
    with at_desk(request, list_id, change=True) as desk:
        return rows.refused(desk.cursor, store.find(desk.cursor, list_id, import_id), after or 0)


ROUTES: list[Any] = [one_import, preview, run, stop, discard, progress, refused]
